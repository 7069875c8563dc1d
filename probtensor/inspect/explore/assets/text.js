// Panes of text: rows that are drawn only where they are seen, folded, and coloured.

const ROW = 20;
const C_TYPES =
  "const void int double float int64_t uint64_t int32_t size_t char bool long unsigned struct";
const WORDS = {
  kernel: "for in order range if else stop check iterations add mul max min and or",
  python:
    "def return for in if else elif import from as with lambda class while not and or is None " +
    "True False yield raise try except finally pass assert break continue async await global",
  cython:
    "cdef def for in range if else while True False return pass break from cimport import not " +
    `noexcept nogil extern ctypedef inline and or ${C_TYPES}`,
  cuda:
    "for if else while return break continue static inline __global__ __shared__ __restrict__ " +
    `__launch_bounds__ __grid_constant__ __align__ ${C_TYPES}`,
};
const COMMENTS = { kernel: "(?!)", python: "#.*$", cython: "#.*$", cuda: "//.*$|/\\*.*$|^ \\*.*$" };
const STRINGS = "\"(?:[^\"\\\\]|\\\\.)*\"|'(?:[^'\\\\]|\\\\.)*'";
const NUMBERS = "\\b\\d[\\d.]*(?:e[+-]?\\d+)?\\b";
const TOKEN = {};
for (const [language, words] of Object.entries(WORDS)) {
  const keys = `\\b(?:${words.split(" ").join("|")})\\b`;
  TOKEN[language] = new RegExp(
    `(${COMMENTS[language]})|(${STRINGS})|(${keys})|(${NUMBERS})|([A-Za-z_]\\w*)(?=\\()`,
    "g",
  );
}

const escapeText = (text) =>
  text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
function coloured(text, language) {
  if (text.length > 600) return escapeText(text);
  let at = 0,
    made = "";
  for (const match of text.matchAll(TOKEN[language])) {
    const [whole, comment, string, word, number, name] = match;
    const kind = comment ? "c" : string ? "s" : word ? "k" : number ? "d" : name ? "g" : "";
    made += escapeText(text.slice(at, match.index));
    made += kind ? `<span class="${kind}">${escapeText(whole)}</span>` : escapeText(whole);
    at = match.index + whole.length;
  }
  return made + escapeText(text.slice(at));
}

class TextPane {
  // rows: {text, number, dim, head}; pick(index) when a row is clicked, over(index or -1).
  constructor(holder, { language, rows, pick, over, fold = true }) {
    Object.assign(this, { language, pick, over });
    this.scroll = el("div", { class: "text", tabindex: "0" });
    this.inner = el("div", { class: "rows" });
    this.ruler = el("canvas", { class: "ruler" });
    this.scroll.append(this.inner);
    holder.append(this.scroll, this.ruler);
    this.drawn = new Map();
    this.folded = new Set();
    this.picked = new Set();
    this.hovered = new Set();
    this.hits = new Set();
    this.heat = null;
    this.folds = fold;
    this.setRows(rows);
    this.scroll.addEventListener("scroll", () => this.draw(), { passive: true });
    this.inner.addEventListener("click", (event) => this._click(event));
    this.inner.addEventListener("mousemove", (event) => this._move(event));
    this.inner.addEventListener("mouseleave", () => this.over(-1));
    this.ruler.addEventListener("click", (event) => {
      const share = event.offsetY / this.ruler.clientHeight;
      this.scroll.scrollTop = share * this.inner.clientHeight - this.scroll.clientHeight / 2;
    });
    new ResizeObserver(() => {
      this.draw();
      this.drawRuler();
    }).observe(holder);
  }

  setRows(rows) {
    this.rows = rows;
    this.folded.clear();
    this.ends = new Int32Array(rows.length);
    const stack = [];
    const levels = rows.map((row) =>
      row.text.trim() ? (row.level ?? indentOf(row.text)) : Infinity,
    );
    for (let k = 0; k <= rows.length; k++) {
      const level = k === rows.length ? -1 : levels[k];
      if (level === Infinity) continue;
      while (stack.length && levels[stack[stack.length - 1]] >= level) {
        let last = k - 1;
        const open = stack.pop();
        while (last > open && levels[last] === Infinity) last--;
        this.ends[open] = last;
      }
      if (k < rows.length) stack.push(k);
    }
    this.layout();
  }

  layout() {
    this.visible = [];
    for (let k = 0; k < this.rows.length; k++) {
      this.visible.push(k);
      if (this.folded.has(k)) k = this.ends[k];
    }
    this.place = new Map(this.visible.map((row, k) => [row, k]));
    this.inner.style.height = `${this.visible.length * ROW + 8}px`;
    this.redraw();
  }

  redraw() {
    for (const row of this.drawn.values()) row.remove();
    this.drawn.clear();
    this.draw();
    this.drawRuler();
  }

  draw() {
    const top = this.scroll.scrollTop,
      height = this.scroll.clientHeight;
    const first = Math.max(0, Math.floor(top / ROW) - 12);
    const last = Math.min(this.visible.length, Math.ceil((top + height) / ROW) + 12);
    for (const [place, row] of this.drawn) {
      if (place < first || place >= last) {
        row.remove();
        this.drawn.delete(place);
      }
    }
    for (let place = first; place < last; place++) {
      if (this.drawn.has(place)) continue;
      const made = this._row(this.visible[place], place);
      this.drawn.set(place, made);
      this.inner.append(made);
    }
  }

  _row(index, place) {
    const row = this.rows[index],
      foldable = this.folds && this.ends[index] > index;
    const made = el("div", { class: "row", style: `top:${place * ROW + 4}px` });
    made.dataset.row = index;
    if (row.number !== undefined) made.append(el("span", { class: "n" }, String(row.number)));
    const sign = this.folded.has(index) ? "▶" : "▼";
    made.append(el("span", { class: "f" }, foldable ? sign : ""));
    const text = el("span", { class: "t" });
    if (row.quoted) text.append(el("span", { class: "s" }, row.text));
    else text.innerHTML = coloured(row.text, this.language) || " ";
    made.append(text);
    if (this.folded.has(index))
      made.append(el("span", { class: "more" }, `${this.ends[index] - index} lines`));
    if (row.head) made.classList.add("head-row");
    if (row.dim) made.classList.add("dim");
    if (row.link) made.classList.add("link");
    this._state(made, index);
    return made;
  }

  _state(made, index) {
    const inside = (set) => set.has(index) || (this.folded.has(index) && this._holds(index, set));
    made.classList.toggle("pick", inside(this.picked));
    made.classList.toggle("over", inside(this.hovered));
    made.classList.toggle("hit", this.hits.has(index));
    made.querySelector(".heat")?.remove();
    made.style.backgroundColor = "";
    const value = this.heat?.(index);
    if (!value) return;
    if (!inside(this.picked)) made.style.backgroundColor = heatColour(value.share, 0.16);
    if (value.text) {
      const bar = el("i");
      bar.style.width = `${Math.max(2, Math.round(26 * value.share))}px`;
      bar.style.background = heatColour(value.share);
      made.append(el("span", { class: "heat" }, bar, value.text));
    }
  }

  _holds(index, set) {
    for (let k = index + 1; k <= this.ends[index]; k++) if (set.has(k)) return true;
    return false;
  }

  refresh() {
    for (const made of this.drawn.values()) this._state(made, Number(made.dataset.row));
    this.drawRuler();
  }

  mark(which, rows) {
    this[which] = rows;
    this.refresh();
  }

  // Scroll to the first of some rows, unless one of them is seen.
  reveal(rows) {
    const places = [...rows]
      .map((row) => this._placeOf(row))
      .filter((p) => p !== undefined)
      .sort((a, b) => a - b);
    if (!places.length) return;
    const top = this.scroll.scrollTop,
      bottom = top + this.scroll.clientHeight - ROW;
    if (places.some((p) => p * ROW >= top && p * ROW <= bottom - ROW)) return;
    this.scroll.scrollTop = Math.max(0, places[0] * ROW - this.scroll.clientHeight / 3);
    this.draw();
  }

  _placeOf(row) {
    if (this.place.has(row)) return this.place.get(row);
    for (const folded of this.folded)
      if (folded < row && row <= this.ends[folded]) return this.place.get(folded);
    return undefined;
  }

  toggle(index) {
    if (this.ends[index] <= index) return;
    if (this.folded.has(index)) this.folded.delete(index);
    else this.folded.add(index);
    this.layout();
  }

  // Fold all that is at a level, or unfold everything.
  foldAll(chosen) {
    this.folded.clear();
    if (chosen)
      this.rows.forEach((row, k) => {
        if (this.ends[k] > k && chosen(row, k)) this.folded.add(k);
      });
    this.layout();
    this.scroll.scrollTop = Math.min(this.scroll.scrollTop, this.inner.clientHeight);
  }

  unfoldTo(row) {
    let changed = false;
    for (const folded of [...this.folded]) {
      if (folded < row && row <= this.ends[folded]) {
        this.folded.delete(folded);
        changed = true;
      }
    }
    if (changed) this.layout();
  }

  _at(event) {
    const row = event.target.closest?.(".row");
    return row ? Number(row.dataset.row) : -1;
  }

  _click(event) {
    const index = this._at(event);
    if (index < 0) return;
    if (event.target.classList.contains("f") || event.target.classList.contains("more"))
      this.toggle(index);
    else if (!String(getSelection())) this.pick(index);
  }

  _move(event) {
    const index = this._at(event);
    if (index !== this.last) {
      this.last = index;
      this.over(index);
    }
  }

  drawRuler() {
    const canvas = this.ruler,
      height = canvas.clientHeight,
      ratio = devicePixelRatio || 1;
    if (!height) return;
    canvas.width = 8 * ratio;
    canvas.height = height * ratio;
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const scale = Math.min(ROW, height / Math.max(1, this.visible.length));
    const marks = (rows, colour, wide) => {
      pen.fillStyle = colour;
      for (const row of rows) {
        const place = this._placeOf(row);
        if (place !== undefined)
          pen.fillRect(wide ? 1 : 2, place * scale, wide ? 7 : 5, Math.max(2, scale - 1));
      }
    };
    marks(this.hits, css("--find"), true);
    marks(this.picked, css("--pick-bar"), false);
  }
}
