// Talking to the editor's server; a refusal becomes an Error with the server's line.

export class Refused extends Error {
  constructor(line, status) {
    super(line);
    this.status = status;
  }
}

async function request(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused("the editor does not answer; is bench sdc edit still running?", 0);
  }
  if (answer.ok) return answer;
  let line = `the editor answered ${answer.status}`;
  try {
    line = (await answer.json()).error || line;
  } catch { /* not JSON: the status has to do */ }
  options.signal?.throwIfAborted();
  throw new Refused(line, answer.status);
}

const photo = (id) => `api/photos/${id}`;
const body = (file) => ({ method: "POST", body: file, headers: { "Content-Type": "application/octet-stream" } });

export const json = async (path, options) => (await request(path, options)).json();
export const start = () => json("api/start");
export const photos = () => json("api/photos");
export const open = (id, signal) => json(photo(id), { signal });
export const upload = (file) => json(`api/photos?name=${encodeURIComponent(file.name)}`, body(file));
export const remove = (id) => request(photo(id), { method: "DELETE" });
export const save = () => json("api/save", { method: "POST" });
export const loadMap = (id, file) => json(`${photo(id)}/map?name=${encodeURIComponent(file.name)}`, body(file));
export const operate = (id, operation) => json(`${photo(id)}/operations`, {
  method: "POST",
  body: JSON.stringify(operation),
  headers: { "Content-Type": "application/json" },
});

/** The class indices of the map as it is shown, a byte each. */
export async function classMap(id, signal) {
  return new Uint8Array(await (await request(`${photo(id)}/map`, { signal })).arrayBuffer());
}

/** A picture as an object URL; `name` is gray.png, automatic.png or result.png?revision=N. */
export async function picture(id, name, signal) {
  return URL.createObjectURL(await (await request(`${photo(id)}/${name}`, { signal })).blob());
}

export const download = (id, name) => `${photo(id)}/download/${name}`;
