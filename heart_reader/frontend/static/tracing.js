// What the rest of the page knows of the tracing.

export { TRACING_KEYS } from "./tracing/keys.js";
export { DEFAULTS, mergeOptions, startingOptions } from "./tracing/options.js";
export { createTracingView } from "./tracing/view.js";
