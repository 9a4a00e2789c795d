// The displayed frames, newest first.

/** An ordered list without duplicates; values only, no DOM. */
export class Frames {
  #items = [];

  get size() {
    return this.#items.length;
  }

  get last() {
    return this.#items.at(-1);
  }

  get(id) {
    return this.#items.find((frame) => frame.id === id);
  }

  /** Inserts a frame in order. Returns its position; -1 if it is present already. */
  add(frame) {
    if (this.get(frame.id)) return -1;
    const found = this.#items.findIndex((other) => precedes(frame, other));
    const place = found < 0 ? this.#items.length : found;
    this.#items.splice(place, 0, frame);
    return place;
  }

  /** Whether a frame would come after all of these. */
  isBeyond(frame) {
    return this.size > 0 && precedes(this.last, frame);
  }

  remove(id) {
    this.#items = this.#items.filter((frame) => frame.id !== id);
  }

  clear() {
    this.#items = [];
  }

  /** Returns the frame this many places after this one (negative: before), or undefined. */
  beside(id, step) {
    const place = this.#items.findIndex((frame) => frame.id === id);
    return place < 0 ? undefined : this.#items[place + step];
  }
}

function precedes(one, other) {
  if (one.wall_time !== other.wall_time) return one.wall_time > other.wall_time;
  if (one.feed !== other.feed) return one.feed > other.feed;
  return one.index > other.index;
}
