// State of the feeds and their coresets; notifies listeners of changes.

const MOST_POINTS = 360;

/** Events: "feeds" (all of them), "feed" (detail: its name), "scope" (detail: its name), "filter". */
export class Store extends EventTarget {
  feeds = new Map();
  scopes = new Map();
  filter = null;

  /** Replaces every feed. */
  setFeeds(feeds) {
    this.feeds = new Map(feeds.map((feed) => [feed.feed, feed]));
    this.#tell("feeds");
    if (this.filter !== null && !this.feeds.has(this.filter)) this.setFilter(null);
  }

  /** Returns the display name of a feed. */
  shown(name) {
    return this.feeds.get(name)?.display_name ?? name;
  }

  /** Updates one feed; returns its previous state. */
  setFeed(feed) {
    const before = this.feeds.get(feed.feed);
    if (feed.state === "removed") {
      this.feeds.delete(feed.feed);
      this.#tell("feeds");
      if (this.filter === feed.feed) this.setFilter(null);
    } else {
      this.feeds.set(feed.feed, feed);
      this.#tell(before ? "feed" : "feeds", feed.feed);
    }
    return before;
  }

  /** Replaces the history of measurements. */
  setHistory(scopes) {
    this.scopes = new Map(Object.entries(scopes));
    for (const scope of this.scopes.keys()) this.#tell("scope", scope);
  }

  /** Adds one measurement of a scope. */
  measure({ scope, time, spacing, coverage, kept }) {
    const known = this.scopes.get(scope) ?? { times: [], spacing: [], coverage: [], kept: [] };
    if (time <= known.times.at(-1)) return;
    const longer = (values, value) => [...values, value].slice(-MOST_POINTS);
    this.scopes.set(scope, {
      times: longer(known.times, time),
      spacing: longer(known.spacing, spacing),
      coverage: longer(known.coverage, coverage),
      kept: longer(known.kept, kept),
    });
    this.#tell("scope", scope);
  }

  /** Filters by one feed; null: all feeds. */
  setFilter(feed) {
    if (feed === this.filter) return;
    this.filter = feed;
    this.#tell("filter");
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
