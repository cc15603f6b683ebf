"use strict";
// A stream of events does not end, so a button that waits for its end would wait for ever.
const withoutStreams = () => ({
  statePlugins: {
    spec: {
      wrapSelectors: {
        allowTryItOutFor: (original) => (state, path, method) => path !== "/events" && original(state, path, method),
      },
    },
  },
});
// `validatorUrl` is the one thing of Swagger UI that would ask another server.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#ui",
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  plugins: [withoutStreams],
});
