/** Every step of the schema, in order. The number of a step is its place in this list, counted from 1, and stands in `user_version`. */
import { initial } from './001-initial.ts';

export const migrations: readonly string[] = [initial];
