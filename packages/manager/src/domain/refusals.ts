/** What the domain says no with. The HTTP edge turns each into a reply. */
import { allowedCommands, errors, type Command, type ErrorCode, type Status } from '@madsci-ts/protocol';

/** A request that cannot be granted, by its stable code; `message` is a sentence for the client. */
export class Refusal extends Error {
  override name = 'Refusal';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string = errors[code].detail) {
    super(message);
    this.code = code;
  }
}

/** A refused change of a run, with where the run stands. */
export class ConflictRefusal extends Refusal {
  override name = 'ConflictRefusal';
  readonly status: Status;
  readonly version: number;
  readonly allowed: Command[];

  constructor(because: 'status' | 'version', asked: string, status: Status, version: number) {
    const allowed = allowedCommands(status);
    const can =
      allowed.length === 0 ? 'nothing changes it any more' : `it can be asked to ${allowed.join(', ')}`;
    super(
      because === 'status' ? 'transition_refused' : 'version_conflict',
      because === 'status'
        ? `Cannot ${asked} a run that is ${status}: ${can}`
        : `Cannot ${asked} the run: it has version ${version}, not the expected one; read it again and decide anew`,
    );
    this.status = status;
    this.version = version;
    this.allowed = allowed;
  }
}
