/** The lab's server: questions with the token, streams of answers, and files sent with progress. */

const STORED = "bestline-token";

/** What the server would not do, in one sentence. */
export class Refusal extends Error {
  /** @param {number} status @param {string} sentence */
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

let token = "";

/** Take the token out of the address, where it would be copied with links, and keep it for this server's pages alone. */
export function admitted(given) {
  token = given || localStorage.getItem(STORED) || "";
  if (given) localStorage.setItem(STORED, given);
}

async function refused(response) {
  let sentence = "The lab does not answer as it should.";
  try {
    sentence = (await response.json()).error ?? sentence;
  } catch {
    // not ours: the sentence stays
  }
  return new Refusal(response.status, sentence);
}

async function asked(path, body, signal) {
  const headers = { "X-Bestline-Token": token, ...(body === undefined ? {} : { "Content-Type": "application/json" }) };
  try {
    const response = await fetch(path, { method: body === undefined ? "GET" : "POST", headers, body: body === undefined ? undefined : JSON.stringify(body), signal });
    if (!response.ok) throw await refused(response);
    return response;
  } catch (error) {
    if (error instanceof Refusal || error.name === "AbortError") throw error;
    throw new Refusal(0, "The lab does not answer. Is `bestline lab` still running?");
  }
}

/** @type {(path: string, body?: object, signal?: AbortSignal) => Promise<any>} */
export const ask = async (path, body, signal) => (await asked(path, body, signal)).json();

/** @type {(path: string, body: object) => Promise<{blob: Blob, name: string}>} */
export async function fetchFile(path, body) {
  const response = await asked(path, body);
  const name = /filename\*=UTF-8''(.+)$/.exec(response.headers.get("content-disposition") ?? "")?.[1] ?? "run";
  return { blob: await response.blob(), name: decodeURIComponent(name) };
}

/** Ask, and hear every line of the answer as it comes. */
export async function stream(path, body, hear, signal) {
  const response = await asked(path, body, signal), reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    const lines = (rest + (value ?? "")).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const told = JSON.parse(line);
      if (told.event === "error") throw new Refusal(told.status, told.error);
      await hear(told);
    }
    if (done) return;
  }
}

/** Send a file; `hear` is told the share that has arrived. Aborting the signal ends it. */
export function send(file, hear, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch cannot tell how far it is
    request.open("POST", "/api/data");
    request.setRequestHeader("X-Bestline-Token", token);
    request.setRequestHeader("X-Filename", encodeURIComponent(file.name));
    request.upload.addEventListener("progress", (event) => event.lengthComputable && hear(event.loaded / event.total));
    request.addEventListener("load", () => {
      let told = {};
      try {
        told = JSON.parse(request.responseText);
      } catch {
        // not ours
      }
      if (request.status === 200) resolve(told);
      else reject(new Refusal(request.status, told.error ?? "The file was not taken."));
    });
    request.addEventListener("error", () => reject(new Refusal(0, "The file could not be sent. Is `bestline lab` still running, and the file smaller than 500 MB?")));
    request.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}
