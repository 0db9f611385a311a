// Talking to the server. Every failure becomes an ApiError with a code that the page has words for.

export class ApiError extends Error {
  constructor(code, message, requestId = null, messages = {}) {
    super(message);
    this.code = code;
    this.requestId = requestId;
    this.messages = messages;
  }
}

// The key of a server that asks for one lives in this variable only: it is gone when the tab is.
let apiKey = null;
let askForKey = null;
// Requests that are refused at the same time wait for one answer.
let asking = null;

/**
 * `ask` answers a promise of a key, or of null if the person gives none; its argument says whether
 * a key was refused.
 */
export function onKeyNeeded(ask) {
  askForKey = ask;
}

async function request(address, options = {}) {
  let response;
  const headers = apiKey === null ? {} : { "X-API-Key": apiKey };
  try {
    response = await fetch(address, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("unreachable", "");
  }
  if (response.status === 401 && askForKey !== null && (await haveKey(headers["X-API-Key"] ?? null))) return request(address, options);
  return parse(response);
}

/** Whether there is another key to try than `refused`, asking the person for one if need be. */
async function haveKey(refused) {
  if (refused !== apiKey) return true;
  asking ??= askForKey(refused !== null);
  const given = await asking;
  asking = null;
  if (given !== null) apiKey = given;
  return given !== null;
}

async function parse(response) {
  let body = null;
  try {
    body = await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
  }
  if (response.ok && body !== null) return body;
  throw new ApiError(body?.code ?? "unknown", body?.message ?? `HTTP ${response.status}`, body?.request_id ?? null, body?.detail?.messages ?? {});
}

/**
 * The languages of the page, `{ code, name }`: they need no key, for asking for one needs words.
 */
export const fetchLanguages = () => request("languages");

/** The description of a reader; null for the default one. */
export const fetchModel = (reader = null) => request(`api/v1/model${query({ reader })}`);

/** All readers of the server, the default one first. */
export const fetchReaders = () => request("api/v1/readers");

/** The OpenAPI description of the server. */
export const fetchDescription = () => request("openapi.json");

export const fetchSamples = () => request("api/v1/samples");

/**
 * Read a recording by the reader that `model` describes: a sample `{kind, id}`, or files `{kind,
 * files, settings}` whose settings may hold fs, unit and leads.
 */
export function read(source, model, signal) {
  const reader = model?.reader;
  if (source.kind === "sample") return request(`${sampleAddress(source)}${query({ reader })}`, { signal });
  const total = source.files.reduce((sum, file) => sum + file.size, 0);
  if (model && total > model.max_upload_bytes) {
    // A browser that is cut off in the middle of an upload never shows the server's answer, so the
    // limit is applied here.
    return Promise.reject(new ApiError("upload_too_large", `${(total / 2 ** 20).toFixed(1)} MB > ${Math.floor(model.max_upload_bytes / 2 ** 20)} MB`));
  }
  return request(`api/v1/predict${query({ waveform: 1, reader })}`, { method: "POST", body: form(source), signal });
}

/**
 * Ask why a recording was read as it was: `question` names reader, finding and level, and start_s
 * where a long recording is meant in part.
 */
export function explain(source, question, signal) {
  if (source.kind === "sample") return request(`${sampleAddress(source)}/explanation${query(question)}`, { signal });
  return request(`api/v1/explain${query(question)}`, { method: "POST", body: form(source), signal });
}

/** A part of the signal of a recording, as that of a reading is. */
export function fetchPart(source, part, signal) {
  if (source.kind === "sample") return request(`${sampleAddress(source)}/signal${query(part)}`, { signal });
  return request(`api/v1/signal${query(part)}`, { method: "POST", body: form(source), signal });
}

const sampleAddress = ({ id }) => `api/v1/samples/${encodeURIComponent(id)}`;

/** The part of an address after its path; what is null or undefined is left out. */
function query(values) {
  const given = Object.entries(values).filter(([, value]) => value !== null && value !== undefined);
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

function form({ files, settings }) {
  const fields = new FormData();
  for (const [name, value] of Object.entries(settings)) if (value) fields.append(name, value);
  for (const file of files) fields.append("file", file, file.name);
  return fields;
}
