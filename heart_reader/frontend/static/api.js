// Talking to the server. Every failure becomes an ApiError with words a person can read.

export class ApiError extends Error {
  constructor(code, message, requestId = null) {
    super(message);
    this.code = code;
    this.requestId = requestId;
  }
}

async function request(address, options = {}) {
  let response;
  try {
    response = await fetch(address, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("unreachable", "The server does not answer. Check that it is still running, then try again.");
  }
  let body = null;
  try {
    body = await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
  }
  if (response.ok && body !== null) return body;
  const message = body?.message ?? `The server answered ${response.status} without a reason. Try again.`;
  throw new ApiError(body?.code ?? "unknown", message, body?.request_id ?? null);
}

export const fetchModel = () => request("api/v1/model");

export const fetchSamples = () => request("api/v1/samples");

export const readSample = (id, signal) => request(`api/v1/samples/${encodeURIComponent(id)}`, { signal });

/** Send one recording; `settings` may hold fs, unit and leads. */
export function readFiles(files, settings, limits, signal) {
  const total = files.reduce((sum, file) => sum + file.size, 0);
  if (limits && total > limits.max_upload_bytes) {
    // A browser that is cut off in the middle of an upload never shows the server's answer, so the limit is told here.
    const allowed = Math.floor(limits.max_upload_bytes / 2 ** 20);
    const message = `The upload is larger than ${allowed} MB: send one recording at a time, or a shorter part of it.`;
    return Promise.reject(new ApiError("upload_too_large", message));
  }
  const form = new FormData();
  for (const [name, value] of Object.entries(settings)) if (value) form.append(name, value);
  for (const file of files) form.append("file", file, file.name);
  return request("api/v1/predict?waveform=1", { method: "POST", body: form, signal });
}
