// The search of the theme runs in a worker, which browsers refuse to pages opened from a folder. This one is a
// hidden frame instead, so that the site can be searched without a server.
class IFrameWorker extends EventTarget {
  constructor(url) {
    super();
    const frame = document.createElement("iframe");
    frame.hidden = true;
    frame.deliver = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
    frame.srcdoc =
      "<script>window.postMessage = (data) => frameElement.deliver(data)</" + "script>" +
      `<script src="${new URL(url, document.baseURI)}"></` + "script>";
    this.window = new Promise((resolve) => {
      frame.addEventListener("load", () => resolve(frame.contentWindow), { once: true });
    });
    document.body.append(frame);
  }

  postMessage(data) {
    this.window.then((target) => target.dispatchEvent(new MessageEvent("message", { data })));
  }
}

window.IFrameWorker = IFrameWorker; // the search looks for this name
if (location.protocol === "file:") window.Worker = IFrameWorker;
