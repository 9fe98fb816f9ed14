# The experiment manager in an image of its own: built with npm, run as an unprivileged user, with its data in /data.
#   docker build -t madsci-experiments .
#   docker run -p 127.0.0.1:8002:8002 -v experiments:/data madsci-experiments

# The image brings Node itself: no package needs its install script.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages/protocol/package.json packages/protocol/
COPY packages/client/package.json packages/client/
COPY packages/manager/package.json packages/manager/
COPY packages/manager/bin packages/manager/bin
RUN npm ci --ignore-scripts
COPY tsconfig.base.json ./
COPY packages packages
RUN npx tsc -b packages/manager \
  && npm prune --omit=dev --ignore-scripts \
  && find node_modules packages -name '*.map' -type f -delete \
  && rm -rf packages/*/src

FROM node:24-slim
ENV NODE_ENV=production \
  EXPERIMENT_SERVER_URL=http://0.0.0.0:8002/ \
  EXPERIMENT_DB_URL=sqlite:/data/experiments.db \
  EXPERIMENT_LOG_FORMAT=json
WORKDIR /app
COPY LICENSE ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/packages packages
RUN ln -s /app/node_modules/.bin/madsci-experiments /usr/local/bin/madsci-experiments \
  && install -d -o 1000 -g 1000 /data
USER 1000
# Relative paths of settings, and the definition file, are below /data.
WORKDIR /data
VOLUME /data
EXPOSE 8002
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
  CMD ["madsci-experiments", "health", "--timeout", "8"]
ENTRYPOINT ["madsci-experiments"]
CMD ["serve"]
