// The list of feeds beside the gallery, and their summary above it.
import { byId, write } from "./dom.js";
import { FeedCard } from "./feedcard.js";
import { count, many } from "./words.js";

/** Shows the store's feeds, each on a card, in the service's order. */
export class Feeds {
  #cards = new Map();

  constructor(store) {
    this.store = store;
    this.list = byId("feeds");
    store.addEventListener("feeds", () => this.#arrange());
    store.addEventListener("feed", ({ detail }) => this.#update(detail));
    store.addEventListener("scope", ({ detail }) => this.#draw(detail));
    store.addEventListener("filter", () => this.#press());
  }

  #arrange() {
    const { feeds } = this.store;
    for (const [name, card] of this.#cards) {
      if (feeds.has(name)) continue;
      card.node.remove();
      this.#cards.delete(name);
    }
    let before = null;
    for (const [name, feed] of feeds) {
      const card = this.#cards.get(name) ?? this.#add(name, feed);
      card.update(feed);
      const place = before ? before.nextSibling : this.list.firstChild;
      if (card.node !== place) this.list.insertBefore(card.node, place);
      before = card.node;
    }
    byId("no-feeds").hidden = feeds.size > 0;
    this.#press();
    this.#sum();
  }

  #add(name, feed) {
    const card = new FeedCard(feed, (chosen) =>
      this.store.setFilter(this.store.filter === chosen ? null : chosen),
    );
    card.chart.draw(this.store.scopes.get(feed.scope));
    this.#cards.set(name, card);
    return card;
  }

  #update(name) {
    this.#cards.get(name).update(this.store.feeds.get(name));
    this.#sum();
  }

  #draw(scope) {
    for (const [name, card] of this.#cards) {
      if (this.store.feeds.get(name).scope === scope) {
        card.chart.draw(this.store.scopes.get(scope));
      }
    }
  }

  #press() {
    for (const [name, card] of this.#cards) card.press(name === this.store.filter);
  }

  /** Shows a summary of all feeds, at the top and in the page title. */
  #sum() {
    const feeds = [...this.store.feeds.values()];
    const down = feeds.filter(({ state }) => state === "down").length;
    const useless = feeds.filter(({ state }) => state === "useless").length;
    const scopes = new Map(feeds.map(({ scope, kept }) => [scope, kept]));
    const kept = [...scopes.values()].reduce((sum, number) => sum + number, 0);
    const parts = [
      many(feeds.length, "feed"),
      down && `${down} down`,
      useless && `${useless} useless`,
      `${count(kept)} kept`,
    ];
    write(byId("summary"), parts.filter(Boolean).join(" · "));
    document.title = down ? `${many(down, "feed")} down – streamsel` : "streamsel";
  }
}
