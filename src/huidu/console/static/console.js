// What pages do beside what they are: nothing here is needed to read them or to send a form.
document.documentElement.classList.add("js");

// Streams of pages that nobody looks at are let go: a browser has six connections to a server, and
// with six such pages it would have none left. Who looks again hears what came meanwhile.
const PATIENCE_MS = 2000;

class Stream {
  constructor(url) {
    this.url = new URL(url, location.href);
    this.listeners = [];
    this.closed = false;
    this.onopen = this.onerror = null;
    this.begin();
    this.turned = () => this.turn();
    document.addEventListener("visibilitychange", this.turned);
  }

  begin() {
    this.source = new EventSource(this.url, { withCredentials: true });
    this.source.onopen = (event) => this.onopen?.(event);
    this.source.onerror = (event) => this.onerror?.(event);
    for (const [name, hear] of this.listeners) this.source.addEventListener(name, hear);
    // Signed out, or what is looked at is gone: to ask again would change nothing.
    for (const name of ["over", "refused"]) this.source.addEventListener(name, () => this.end());
  }

  end() {
    this.close();
    document.body.dispatchEvent(new CustomEvent("htmx:sseClose"));
  }

  turn() {
    clearTimeout(this.leaving);
    if (document.hidden) this.leaving = setTimeout(() => this.source.close(), PATIENCE_MS);
    else if (!this.closed && this.source.readyState === EventSource.CLOSED) this.begin();
  }

  get readyState() {
    return this.source.readyState;
  }

  addEventListener(name, listener) {
    const hear = (event) => {
      if (event.lastEventId) this.url.searchParams.set("after", event.lastEventId);
      listener(event);
    };
    this.listeners.push([name, hear, listener]);
    this.source.addEventListener(name, hear);
  }

  removeEventListener(name, listener) {
    this.listeners = this.listeners.filter(([at, hear, one]) => {
      if (at !== name || one !== listener) return true;
      this.source.removeEventListener(name, hear);
      return false;
    });
  }

  close() {
    this.closed = true;
    document.removeEventListener("visibilitychange", this.turned);
    this.source.close();
  }
}

document.addEventListener("DOMContentLoaded", () => {
  if (window.htmx) htmx.createEventSource = (url) => new Stream(url);

  // A one-time link may carry its token behind the #, where no server and no log sees it.
  for (const field of document.querySelectorAll("[data-from-hash]")) {
    if (!field.value && location.hash.length > 1) {
      field.value = decodeURIComponent(location.hash.slice(1).replace(/^token=/, ""));
      history.replaceState(null, "", location.pathname);
    }
  }

  // A share with one click: it fills the field, and the preview follows.
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-fill]");
    if (!button) return;
    const form = button.closest("form");
    const field = form.querySelector('input[name="weight"]');
    field.value = button.dataset.fill;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });

  // Nothing is sent twice by a double click.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    setTimeout(() => delete form.dataset.sent, 3000);
  });

  // A tail that is left open for a day must not fill the machine.
  const MOST_LINES = 500;
  document.body.addEventListener("htmx:sseMessage", (event) => {
    if (!event.target.matches?.(".logs")) return;
    document.getElementById("silence")?.remove();
    while (event.target.children.length > MOST_LINES) event.target.lastElementChild.remove();
  });

  const pulse = document.getElementById("pulse");
  if (pulse) {
    const beat = (alive) => {
      pulse.textContent = alive ? pulse.dataset.live : pulse.dataset.lost;
      pulse.classList.toggle("live", alive);
      pulse.classList.toggle("warn", !alive);
    };
    document.body.addEventListener("htmx:sseOpen", () => beat(true));
    document.body.addEventListener("htmx:sseError", () => beat(false));
    document.body.addEventListener("htmx:sseClose", () => beat(false));
  }
});
