/**
 * A page that lies on a disk may start no worker. There, a worker is a hidden frame of the page, which runs the same script: it has
 * what the search's script asks of a worker, `importScripts`, `postMessage` and messages.
 */
if (location.protocol === "file:") {
  globalThis.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      Object.assign(frame, { hidden: true, title: "Search" });
      this.ready = new Promise((done) => frame.addEventListener("load", done, { once: true })).then(() => this.start(frame, url));
      frame.srcdoc = "<!doctype html><title>Search</title>";
      document.body ? document.body.append(frame) : addEventListener("DOMContentLoaded", () => document.body.append(frame));
    }

    async start(frame, url) {
      const inside = frame.contentWindow;
      const load = (one) => new Promise((done, failed) => {
        const script = inside.document.createElement("script");
        Object.assign(script, { src: one, onload: done, onerror: failed, async: false });
        inside.document.body.append(script);
      });
      inside.importScripts = (...urls) => urls.reduce((before, one) => before.then(() => load(new URL(one, url).href)), Promise.resolve());
      inside.postMessage = (data) => this.told(new MessageEvent("message", { data }));
      await load(new URL(url, location).href);
      this.inside = inside;
    }

    told(event) {
      this.onmessage?.(event);
      this.dispatchEvent(event);
    }

    postMessage(data) {
      this.ready.then(() => this.inside.dispatchEvent(new MessageEvent("message", { data })));
    }

    terminate() {}
  };
}
