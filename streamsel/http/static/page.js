// The page of kept frames: loads the current state, then applies events.
import { ask, Refused } from "./api.js";
import { byId, write } from "./dom.js";
import { Events } from "./events.js";
import { Feeds } from "./feeds.js";
import { Gallery } from "./gallery.js";
import { announce, notice, trying } from "./notice.js";
import { Store } from "./store.js";
import { keepTime } from "./time.js";
import { Viewer } from "./viewer.js";

const AGAIN_MS = 3000;

const store = new Store();
const feeds = new Feeds(store);
const gallery = new Gallery(store);
const viewer = new Viewer(gallery);
const events = new Events("/api/events");
const missed = [];
let loading = 0;
let timer = 0;
let isLoaded = false;

const heard = {
  feed(feed) {
    const before = store.setFeed(feed);
    if (before && before.state !== feed.state) tellState(feed);
  },
  kept: (frame) => gallery.keep(frame),
  evicted(eviction) {
    gallery.evict(eviction);
    viewer.evict(eviction);
  },
  pinned(change) {
    gallery.pin(change);
    viewer.pin(change);
  },
  measured: (measurement) => store.measure(measurement),
};

function tellState({ feed, display_name: shown = feed, state, reason }) {
  announce(`Feed ${shown} is ${state === "disabled" ? "off" : state}${reason ? `: ${reason}` : ""}`);
}

/** Applies events after the current load, which may be older. */
function hear({ detail: { name, value } }) {
  if (loading) missed.push([name, value]);
  else heard[name](value);
}

async function whileLoading(load) {
  loading += 1;
  try {
    return await load();
  } finally {
    loading -= 1;
    if (!loading) for (const [name, value] of missed.splice(0)) heard[name](value);
  }
}

async function loadAll() {
  clearTimeout(timer);
  missed.length = 0;
  try {
    await whileLoading(async () => {
      const [listed, history] = await Promise.all([
        ask("/api/feeds"),
        ask("/api/history"),
        gallery.load(),
      ]);
      store.setFeeds(listed);
      store.setHistory(history.scopes);
    });
    if (!isLoaded) viewer.follow();
    isLoaded = true;
    notice("");
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    notice(error.message);
    timer = setTimeout(loadAll, AGAIN_MS);
  }
}

function showFilter() {
  write(byId("scope"), store.filter === null ? "" : `of ${store.filter}`);
  byId("all-feeds").hidden = store.filter === null;
  trying(() => whileLoading(() => gallery.load()));
}

function showConnection({ detail }) {
  const place = byId("connection");
  place.dataset.state = detail;
  write(place, detail === "live" ? "live" : "reconnecting…");
}

events.addEventListener("heard", hear);
events.addEventListener("fresh", loadAll);
events.addEventListener("refused", loadAll);
events.addEventListener("state", showConnection);
store.addEventListener("filter", showFilter);
byId("all-feeds").addEventListener("click", () => {
  store.setFilter(null);
  byId("gallery").focus({ preventScroll: true });
});
keepTime();
events.open();
