// The photo on the desk: its state on the server, and the one stream of operations on it.
//
// Operations are sent one after the other. When the last of them has been done, the map is fetched and the result
// asked for; a newer request gives up the older one. Nothing is segmented again.

import * as api from "./api.js";

export class Session {
  /** `view` is told of everything that changes: opened, closed, changed, labels, result, busy, says, failed. */
  constructor(view) {
    this.view = view;
    this.photo = null;
    this.labels = null;
    this.urls = {};
    this.waiting = 0;
    this.line = Promise.resolve();
    this.opening = null; // what gives up the photo that is being read
    this.coloring = null; // the request for a result that is under way
    this.wanted = null; // the revision it is of, or was
  }

  /** Put a photo on the desk. Where that fails it throws, and the one that lies there stays. */
  async open(id) {
    this.opening?.abort();
    if (id === this.photo?.id) return; // back to it, before the other one was read
    const { signal } = (this.opening = new AbortController());
    const photo = await api.open(id, signal);
    const [labels, gray] = await Promise.all([api.classMap(id, signal), api.picture(id, "gray.png", signal)]);
    signal.throwIfAborted(); // another one was asked for meanwhile
    this.clear();
    this.photo = photo;
    this.labels = labels;
    this.urls = { gray };
    this.view.opened(photo, gray, labels);
    this.color();
  }

  /** Take the photo off the desk. */
  close() {
    this.clear();
    this.view.closed();
  }

  clear() {
    this.coloring?.abort();
    for (const url of Object.values(this.urls)) URL.revokeObjectURL(url);
    this.photo = this.labels = null;
    this.urls = {};
  }

  /** Do something to the map: an operation, or `send`, which answers with the photo's new state. */
  operate(operation, send = (id) => api.operate(id, operation)) {
    if (!this.photo) return this.line;
    const { id } = this.photo;
    this.waiting += 1;
    this.line = this.line.then(() => this.attempt("", async () => {
      let state;
      try {
        state = await send(id);
      } finally {
        this.waiting -= 1;
      }
      await this.settle(id, state);
    }, () => {
      if (this.photo?.id !== id) return;
      this.view.labels(this.labels); // what was not done is not shown
      this.settle(id, this.photo).catch(() => {}); // what was done before it may not have been fetched yet
    }));
    return this.line;
  }

  async settle(id, state) {
    if (this.photo?.id !== id) return;
    this.photo = state;
    this.view.changed(state);
    if (this.waiting) return; // the next answer brings a newer map
    const labels = await api.classMap(id);
    if (this.photo?.id !== id) return;
    this.labels = labels;
    this.view.labels(labels);
    if (state.revision !== this.wanted) this.color();
  }

  /** Ask for the result of the map as it is now. Operations do not wait for it. */
  async color() {
    this.coloring?.abort();
    const { id, revision } = this.photo;
    const control = (this.coloring = new AbortController());
    this.wanted = revision;
    this.view.busy(true);
    try {
      const url = await api.picture(id, `result.png?revision=${revision}`, control.signal);
      if (this.coloring !== control) return URL.revokeObjectURL(url);
      URL.revokeObjectURL(this.urls.result);
      this.urls.result = url;
      this.view.result(url, revision);
    } catch (error) {
      if (this.coloring === control) this.wanted = null; // to be asked for again
      if (error.name !== "AbortError" && error.status !== 409) this.view.failed(error.message);
    } finally {
      if (this.coloring === control) {
        this.coloring = null;
        this.view.busy(false);
      }
    }
  }

  /** The result of the predicted map, as an object URL. */
  async automatic() {
    const urls = this.urls;
    urls.automatic ??= await api.picture(this.photo.id, "automatic.png");
    return urls.automatic;
  }

  /** Run something; where it fails, `otherwise` is done and the failure shown, and returned, in one line. */
  async attempt(what, action, otherwise = () => {}) {
    if (what) this.view.says(what);
    let failure = "";
    try {
      await action();
    } catch (error) {
      if (error.name === "AbortError") return failure; // given up for something newer, which has the word now
      otherwise();
      failure = error.message;
    }
    this.view.failed(failure);
    if (what) this.view.says("");
    return failure;
  }
}
