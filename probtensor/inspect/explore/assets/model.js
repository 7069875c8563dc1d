// The model of a posterior: variables on plates, and the terms of its density.

const MODEL_SHAPES = {
  free: "oval",
  observed: "oval",
  random: "oval",
  deterministic: "box",
  potential: "hexagon",
  data: "round",
};
const MODEL_HUES = {
  free: 218,
  observed: null,
  random: 218,
  deterministic: 150,
  potential: 28,
  data: null,
};

class ModelPane {
  constructor(holder, handlers) {
    this.handlers = handlers;
    this.picture = el("div", { class: "body", style: "position:absolute;inset:0" });
    this.terms = el("div", { class: "terms" });
    holder.append(this.picture, this.terms);
    this.canvas = new Canvas(this.picture, {
      pick: (item) => handlers.pick(item?.part || null),
      over: (item, event) => handlers.over(item?.part || null, event),
      open: () => {},
    });
    this.legend = el("div", { class: "variables" });
    this.picture.append(this.legend);
    this.table();
    this.canvas.inks();
    this.update();
    new ResizeObserver(() => {
      this.picture.style.bottom = `${this.terms.offsetHeight}px`;
    }).observe(this.terms);
  }

  update() {
    const parts = D.model.parts,
      place = new Map(parts.map((part, k) => [part.name, k]));
    const plates = [...new Set(parts.map((part) => part.axes.join(" × ")).filter(Boolean))];
    const items = parts.map((part) => {
      const label = short(part.name, 26),
        sub = short(part.distribution ? `~ ${part.distribution}` : part.kind, 28);
      const w =
        Math.max(widthOf(label, FONT_BOLD), widthOf(sub, FONT_SUB)) +
        (part.kind === "potential" ? 44 : 34);
      return {
        key: part.name,
        label,
        sub,
        w,
        h: 46,
        bold: true,
        part,
        nodes: [],
        shape: MODEL_SHAPES[part.kind],
        parent: plates.indexOf(part.axes.join(" × ")),
      };
    });
    const edges = parts
      .flatMap((part, k) => part.parents.map((name) => [place.get(name), k]))
      .filter(([a]) => a !== undefined);
    const clusters = plates.map(() => ({ parent: -1 }));
    this.ready = this.handlers
      .layout({ nodes: items.map(({ w, h, parent }) => ({ w, h, parent })), edges, clusters })
      .then((made) => {
        let width = 0,
          height = 0;
        items.forEach((item, k) => {
          [item.x, item.y] = made.places[k];
          width = Math.max(width, item.x + item.w / 2 + 24);
          height = Math.max(height, item.y + item.h / 2 + 24);
        });
        const boxes = clusters.map((_, k) => ({
          title: plates[k],
          below: true,
          x: made.boxes[k][0],
          y: made.boxes[k][1],
          w: made.boxes[k][2],
          h: made.boxes[k][3] + 12,
        }));
        for (const b of boxes) {
          width = Math.max(width, b.x + b.w + 16);
          height = Math.max(height, b.y + b.h + 16);
        }
        this.scene = {
          items,
          boxes,
          width,
          height,
          edges: edges.map(([from, to], k) => ({
            from,
            to,
            points: made.points && made.points[k],
          })),
        };
        this.colour();
        this.canvas.show(this.scene);
      });
  }

  colour() {
    if (!this.scene) return;
    const dark = document.documentElement.dataset.theme === "dark";
    const colours = (kind) => {
      const hue = MODEL_HUES[kind];
      if (kind === "observed") return dark ? ["#343b46", "#7b8696"] : ["#dde1e7", "#8b95a3"];
      if (hue === null) return dark ? ["#20252c", "#56606d"] : ["#f3f4f6", "#a9b1bc"];
      return dark
        ? [`hsl(${hue} 34% 20%)`, `hsl(${hue} 45% 52%)`]
        : [`hsl(${hue} 78% 96%)`, `hsl(${hue} 46% 56%)`];
    };
    this.legend.replaceChildren();
    for (const item of this.scene.items) [item.fill, item.stroke] = colours(item.part.kind);
    for (const kind of new Set(this.scene.items.map((x) => x.part.kind))) {
      const [fill, stroke] = colours(kind);
      this.legend.append(
        el(
          "span",
          {},
          el("i", {
            class: kind === "deterministic" || kind === "data" ? "boxed" : "",
            style: `border-color:${stroke};background:${fill}`,
          }),
          kind,
        ),
      );
    }
    this.canvas.redraw();
  }

  table() {
    const rows = D.model.terms.map((term) =>
      el(
        "tr",
        { onclick: () => this.handlers.pickTerm(term) },
        el("td", { class: "m" }, term.name),
        el("td", {}, term.kind),
        el("td", { class: "m" }, term.value ?? ""),
        el("td", { class: "m", title: term.formula }, term.formula),
      ),
    );
    const valued = D.model.terms.some((term) => term.value);
    this.terms.append(
      el(
        "table",
        {},
        el(
          "thead",
          {},
          el(
            "tr",
            {},
            ...["Term", "Kind", valued ? "Value" : "", "Law"].map((x) => el("th", {}, x)),
          ),
        ),
        el("tbody", {}, ...rows),
      ),
    );
    this.rows = rows;
  }

  mark(lines) {
    const keys = new Set(D.model.parts.filter((p) => lines?.has(p.line)).map((p) => p.name));
    this.canvas.state.picked = keys;
    this.canvas.redraw();
    D.model.terms.forEach((term, k) =>
      this.rows[k].classList.toggle("pick", Boolean(lines?.has(term.line))),
    );
  }
}
