// A graph on a canvas: it is drawn as far as it is seen, and moved and scaled with the pointer.
//
// A scene has items {x, y, w, h, label, sub, fill, stroke, shape, key}, edges {from, to, points},
// boxes {x, y, w, h, title, key}. Text is left out where it would be too small to read.

const READABLE = 0.42,
  EDGES_FROM = 0.02;
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

class Canvas {
  constructor(holder, { pick, over, open }) {
    Object.assign(this, { holder, pick, over, open });
    this.canvas = el("canvas", { tabindex: "0", "aria-label": "Graph" });
    holder.append(this.canvas);
    this.pen = this.canvas.getContext("2d");
    this.scene = { items: [], edges: [], boxes: [], width: 0, height: 0 };
    this.view = { x: 0, y: 0, scale: 1 };
    this.state = { picked: new Set(), hovered: new Set(), hits: new Set(), fresh: new Set() };
    this.waiting = false;
    this.ink = {};
    this._listen();
    new ResizeObserver(() => this.resize()).observe(holder);
  }

  inks() {
    for (const name of [
      "text",
      "muted",
      "faint",
      "panel",
      "raised",
      "line",
      "edge",
      "edge-strong",
      "accent",
      "pick",
      "find",
      "good",
      "canvas-dot",
      "bg",
    ]) {
      this.ink[name] = css(`--${name}`);
    }
    this.redraw();
  }

  show(scene, keep) {
    const before = keep ? this._anchor(keep) : null;
    this.scene = scene;
    this.index = indexOf(scene.items);
    this.edgeIndex = null;
    const item = before && scene.items.find((x) => x.key === keep);
    if (item) {
      this.view.x = before.x - item.x * this.view.scale;
      this.view.y = before.y - item.y * this.view.scale;
      this.fitted = false;
    } else if (!keep) this.fit(false);
    this.redraw();
  }

  // The item nearest to the middle of the view that another scene has, too.
  nearest(items) {
    const keys = new Set(items.map((x) => x.key));
    const x = (this.width / 2 - this.view.x) / this.view.scale,
      y = (this.height / 2 - this.view.y) / this.view.scale;
    let best,
      least = Infinity;
    for (const item of this.scene.items) {
      const far = (item.x - x) ** 2 + (item.y - y) ** 2;
      if (far < least && keys.has(item.key)) [best, least] = [item.key, far];
    }
    return best;
  }

  _anchor(key) {
    const item = this.scene.items.find((x) => x.key === key);
    return (
      item && {
        x: item.x * this.view.scale + this.view.x,
        y: item.y * this.view.scale + this.view.y,
      }
    );
  }

  resize() {
    const ratio = devicePixelRatio || 1,
      { clientWidth: w, clientHeight: h } = this.holder;
    if (!w || !h) return;
    const first = !this.width;
    this.width = w;
    this.height = h;
    this.canvas.width = Math.round(w * ratio);
    this.canvas.height = Math.round(h * ratio);
    if (first || this.fitted) this.fit(false);
    this.draw();
  }

  // The whole scene, or as much of it from the top as can be read.
  fit(move = true) {
    const { width, height } = this.scene;
    if (!this.width || !width) return;
    const whole = Math.min((this.width - 20) / width, (this.height - 20) / height, 1.15);
    const least = Math.min(0.62, (this.width - 20) / Math.min(width, 900));
    const scale = move ? whole : Math.max(whole, Math.min(least, 1));
    this.view.scale = scale;
    this.view.x = width * scale < this.width ? (this.width - width * scale) / 2 : 10;
    this.view.y =
      height * scale < this.height ? Math.max(10, (this.height - height * scale) / 2) : 10;
    if (width * scale > this.width && this.scene.focus !== undefined) {
      this.view.x = this.width / 2 - this.scene.focus * scale;
    }
    this.fitted = true;
    this.redraw();
  }

  zoom(factor, x = this.width / 2, y = this.height / 2) {
    const scale = Math.min(4, Math.max(0.01, this.view.scale * factor));
    const real = scale / this.view.scale;
    this.view.x = x - (x - this.view.x) * real;
    this.view.y = y - (y - this.view.y) * real;
    this.view.scale = scale;
    this.fitted = false;
    this.redraw();
  }

  // Bring items into view, unless one of them is.
  reveal(keys) {
    const found = this.scene.items.filter((x) => keys.has(x.key));
    if (!found.length) return;
    const { x, y, scale } = this.view;
    const seen = found.some(
      (i) =>
        i.x * scale + x > 20 &&
        i.x * scale + x < this.width - 20 &&
        i.y * scale + y > 20 &&
        i.y * scale + y < this.height - 40,
    );
    if (seen) return;
    this.view.x = this.width / 2 - found[0].x * scale;
    this.view.y = this.height / 2 - found[0].y * scale;
    this.fitted = false;
    this.redraw();
  }

  redraw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.draw();
    });
  }

  draw() {
    const { pen, view, scene } = this,
      ratio = devicePixelRatio || 1;
    if (!this.width) return;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    pen.translate(view.x, view.y);
    pen.scale(view.scale, view.scale);
    const seen = [
      -view.x / view.scale,
      -view.y / view.scale,
      (this.width - view.x) / view.scale,
      (this.height - view.y) / view.scale,
    ];
    for (const box of scene.boxes) this._box(box);
    this._edges(seen);
    const lively = this.state.picked.size > 0;
    for (const item of scene.items) {
      if (item.x + item.w / 2 < seen[0] || item.x - item.w / 2 > seen[2]) continue;
      if (item.y + item.h / 2 < seen[1] || item.y - item.h / 2 > seen[3]) continue;
      this._item(item, lively);
    }
  }

  _box(box) {
    const { pen, ink } = this;
    pen.beginPath();
    pen.roundRect(box.x, box.y, box.w, box.h, 10);
    pen.globalAlpha = 0.55;
    pen.fillStyle = ink.bg;
    pen.fill();
    pen.globalAlpha = 1;
    pen.lineWidth = 1;
    pen.strokeStyle = ink.edge;
    pen.setLineDash([4, 3]);
    pen.stroke();
    pen.setLineDash([]);
    if (this.view.scale < READABLE || !box.title) return;
    pen.fillStyle = ink.muted;
    pen.font = "600 10.5px " + FONT_SANS;
    pen.textBaseline = "alphabetic";
    pen.textAlign = box.below ? "right" : "left";
    if (box.below)
      pen.fillText(short(box.title, Math.max(6, box.w / 6)), box.x + box.w - 8, box.y + box.h - 7);
    else pen.fillText(short(box.title, Math.max(6, box.w / 6)), box.x + 8, box.y + 13);
  }

  _edges(seen) {
    const { pen, scene, view, ink } = this,
      { picked, hovered } = this.state;
    if (view.scale < EDGES_FROM) return;
    const strong = [],
      few = scene.edges.length < 4000;
    pen.lineWidth = Math.max(0.8, Math.min(1.1, 0.7 / view.scale));
    pen.strokeStyle = ink.edge;
    pen.globalAlpha =
      scene.edges.length > 1500 && view.scale < 0.3 ? 0.35 : picked.size ? 0.5 : 0.85;
    pen.beginPath();
    const drawn = [];
    for (const edge of scene.edges) {
      const a = scene.items[edge.from],
        b = scene.items[edge.to];
      if (Math.max(a.y, b.y) < seen[1] || Math.min(a.y, b.y) > seen[3]) continue;
      if (Math.max(a.x, b.x) + 200 < seen[0] || Math.min(a.x, b.x) - 200 > seen[2]) continue;
      if ((picked.has(a.key) && picked.has(b.key)) || hovered.has(a.key) || hovered.has(b.key)) {
        strong.push(edge);
        continue;
      }
      this._path(edge, a, b);
      drawn.push(edge);
    }
    pen.stroke();
    if (view.scale > 0.3 && few) {
      pen.fillStyle = ink.edge;
      for (const edge of drawn) this._arrow(edge);
    }
    pen.globalAlpha = 1;
    if (!strong.length) return;
    pen.strokeStyle = pen.fillStyle = ink["edge-strong"];
    pen.lineWidth = 1.5 / Math.min(1, Math.max(view.scale, 0.4));
    pen.beginPath();
    for (const edge of strong) this._path(edge, scene.items[edge.from], scene.items[edge.to]);
    pen.stroke();
    if (view.scale > 0.3) for (const edge of strong) this._arrow(edge);
  }

  _path(edge, a, b) {
    const pen = this.pen,
      p = edge.points;
    if (!p) {
      const y0 = a.y + a.h / 2,
        y1 = b.y - b.h / 2,
        lift = Math.max(14, Math.abs(y1 - y0) * 0.45);
      pen.moveTo(a.x, y0);
      pen.bezierCurveTo(a.x, y0 + lift, b.x, y1 - lift, b.x, y1);
      return;
    }
    pen.moveTo(p[0][0], p[0][1]);
    for (let k = 1; k < p.length - 1; k++) {
      const [x, y] = p[k],
        [u, v] = p[k + 1];
      if (k === p.length - 2) pen.quadraticCurveTo(x, y, u, v);
      else pen.quadraticCurveTo(x, y, (x + u) / 2, (y + v) / 2);
    }
    if (p.length === 2) pen.lineTo(p[1][0], p[1][1]);
  }

  _arrow(edge) {
    const { pen, scene } = this,
      b = scene.items[edge.to],
      p = edge.points;
    let [x, y] = [b.x, b.y - b.h / 2],
      angle = Math.PI / 2;
    if (p) {
      const [u, v] = p[p.length - 2];
      [x, y] = p[p.length - 1];
      angle = Math.atan2(y - v, x - u);
    }
    const cos = Math.cos(angle),
      sin = Math.sin(angle);
    pen.beginPath();
    pen.moveTo(x, y);
    pen.lineTo(x - 6 * cos + 3 * sin, y - 6 * sin - 3 * cos);
    pen.lineTo(x - 6 * cos - 3 * sin, y - 6 * sin + 3 * cos);
    pen.fill();
  }

  _item(item, lively) {
    const { pen, ink, view } = this,
      { picked, hovered, hits, fresh } = this.state;
    const isPicked = picked.has(item.key),
      { x, y, w, h } = item;
    pen.globalAlpha = lively && !isPicked && !hovered.has(item.key) ? 0.42 : 1;
    shapeOf(pen, item);
    pen.fillStyle = ink.panel;
    pen.fill();
    pen.fillStyle = view.scale < READABLE && !item.heated ? item.stroke : item.fill;
    pen.fill();
    pen.lineWidth = 1;
    pen.strokeStyle = item.stroke;
    if (item.many) {
      pen.stroke();
      pen.beginPath();
      pen.roundRect(x - w / 2 - 3, y - h / 2 - 3, w + 6, h + 6, 9);
    }
    if (fresh.has(item.key)) {
      pen.lineWidth = 2;
      pen.strokeStyle = ink.good;
    }
    if (hits.has(item.key)) {
      pen.lineWidth = 3;
      pen.strokeStyle = "#e0a800";
    }
    if (isPicked) {
      pen.lineWidth = Math.max(2, 1.2 / view.scale);
      pen.strokeStyle = ink.accent;
    } else if (hovered.has(item.key)) {
      pen.lineWidth = 1.6;
      pen.strokeStyle = ink["edge-strong"];
    }
    pen.stroke();
    pen.globalAlpha = lively && !isPicked && !hovered.has(item.key) ? 0.5 : 1;
    if (view.scale >= READABLE) {
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      pen.fillStyle = ink.text;
      pen.font = item.bold ? FONT_BOLD : FONT_LABEL;
      pen.fillText(item.label, x, item.sub ? y - 7 : y);
      if (item.sub) {
        pen.fillStyle = ink.muted;
        pen.font = FONT_SUB;
        pen.fillText(item.sub, x, y + 9);
      }
    }
    if (item.corner && view.scale >= READABLE) {
      pen.fillStyle = ink.accent;
      pen.font = "600 12px " + FONT_SANS;
      pen.textAlign = "center";
      pen.fillText(item.corner, x + w / 2 - 9, y - h / 2 + 9);
    }
    pen.globalAlpha = 1;
  }

  at(px, py) {
    const x = (px - this.view.x) / this.view.scale,
      y = (py - this.view.y) / this.view.scale;
    const found = this.index?.(x, y);
    if (found) return found;
    const box = [...this.scene.boxes]
      .reverse()
      .find((b) => x > b.x && x < b.x + b.w && y > b.y && y < b.y + 18);
    return box ? { ...box, isBox: true } : null;
  }

  _listen() {
    const canvas = this.canvas;
    let grabbed = null,
      moved = false;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      canvas.setPointerCapture(event.pointerId);
      grabbed = {
        x: event.offsetX - this.view.x,
        y: event.offsetY - this.view.y,
        from: [event.offsetX, event.offsetY],
      };
      moved = false;
    });
    canvas.addEventListener("pointermove", (event) => {
      if (grabbed) {
        if (Math.hypot(event.offsetX - grabbed.from[0], event.offsetY - grabbed.from[1]) > 4)
          moved = true;
        if (!moved) return;
        this.view.x = event.offsetX - grabbed.x;
        this.view.y = event.offsetY - grabbed.y;
        this.fitted = false;
        canvas.style.cursor = "grabbing";
        this.redraw();
        return;
      }
      const item = this.at(event.offsetX, event.offsetY);
      canvas.style.cursor = item ? "pointer" : "default";
      if (item?.key !== this.last) {
        this.last = item?.key;
        this.over(item, event);
      }
    });
    canvas.addEventListener("pointerup", (event) => {
      if (grabbed && !moved) this.pick(this.at(event.offsetX, event.offsetY), event);
      grabbed = null;
      canvas.style.cursor = "default";
    });
    canvas.addEventListener("pointerleave", () => {
      this.last = undefined;
      this.over(null);
    });
    canvas.addEventListener("dblclick", (event) => {
      const item = this.at(event.offsetX, event.offsetY);
      if (item) this.open(item);
    });
    canvas.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        if (event.ctrlKey || event.metaKey || (!event.shiftKey && Math.abs(event.deltaX) < 2)) {
          const step = event.deltaMode ? event.deltaY * 20 : event.deltaY;
          this.zoom(
            Math.exp(-step * (event.ctrlKey ? 0.01 : 0.0016)),
            event.offsetX,
            event.offsetY,
          );
        } else {
          this.view.x -= event.deltaX || event.deltaY;
          this.view.y -= event.shiftKey ? 0 : event.deltaY;
          this.fitted = false;
          this.redraw();
        }
      },
      { passive: false },
    );
  }
}

const FONT_MONO = 'ui-monospace, "SFMono-Regular", Menlo, Consolas, "DejaVu Sans Mono", monospace';
const FONT_SANS = '"Inter", system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif';
const FONT_LABEL = `12px ${FONT_MONO}`,
  FONT_BOLD = `600 12px ${FONT_MONO}`,
  FONT_SUB = `10.5px ${FONT_MONO}`;

function shapeOf(pen, { x, y, w, h, shape }) {
  pen.beginPath();
  if (shape === "round") pen.roundRect(x - w / 2, y - h / 2, w, h, h / 2);
  else if (shape === "oval") pen.ellipse(x, y, w / 2, h / 2, 0, 0, 2 * Math.PI);
  else if (shape === "hexagon") {
    const c = 12;
    pen.moveTo(x - w / 2 + c, y - h / 2);
    pen.lineTo(x + w / 2 - c, y - h / 2);
    pen.lineTo(x + w / 2, y);
    pen.lineTo(x + w / 2 - c, y + h / 2);
    pen.lineTo(x - w / 2 + c, y + h / 2);
    pen.lineTo(x - w / 2, y);
    pen.closePath();
  } else pen.roundRect(x - w / 2, y - h / 2, w, h, 7);
}

// The item at a place, by squares of the plane.
function indexOf(items) {
  const SIDE = 240,
    cells = new Map();
  const cell = (x, y) => `${Math.floor(x / SIDE)},${Math.floor(y / SIDE)}`;
  items.forEach((item) => {
    for (let x = item.x - item.w / 2; ; x += SIDE) {
      const end = Math.min(x, item.x + item.w / 2),
        key = cell(end, item.y - item.h / 2),
        low = cell(end, item.y + item.h / 2);
      for (const k of new Set([key, low])) (cells.get(k) || cells.set(k, []).get(k)).push(item);
      if (x >= item.x + item.w / 2) break;
    }
  });
  return (x, y) =>
    (cells.get(cell(x, y)) || []).find(
      (i) => Math.abs(x - i.x) <= i.w / 2 && Math.abs(y - i.y) <= i.h / 2,
    ) || null;
}

const measuring = document.createElement("canvas").getContext("2d");
const widths = new Map();
function widthOf(text, font) {
  const key = font + text;
  let found = widths.get(key);
  if (found === undefined) {
    measuring.font = font;
    widths.set(key, (found = measuring.measureText(text).width));
  }
  return found;
}
