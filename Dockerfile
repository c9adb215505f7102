FROM node:22-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json schema.graphql ./
COPY scripts scripts
COPY src src
RUN npm run build

FROM node:22-slim
WORKDIR /app
ENV NODE_ENV=production HOST=0.0.0.0 DATA_DIR=/data
COPY package.json schema.graphql ./
# The build has the libraries in it, but for native code and for the page of GraphiQL.
COPY --from=build /app/node_modules/@libsql node_modules/@libsql
COPY --from=build /app/node_modules/@graphql-yoga/render-graphiql node_modules/@graphql-yoga/render-graphiql
COPY --from=build /app/dist dist
# The other commands: docker exec … tidings doctor
RUN mkdir /data && chown node:node /data && ln -s /app/dist/main.js /usr/local/bin/tidings
USER node
VOLUME /data
EXPOSE 4000
# That it lives. Whether it can serve now, which needs the store, is asked at /ready by who sends clients to it.
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 4000}/health`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Not by npm, so that signals reach the server.
CMD ["node", "dist/main.js"]
