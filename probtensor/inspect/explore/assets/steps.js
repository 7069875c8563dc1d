// The track of passes and rewrites, and what the present step did.

function positions() {
  const found = [{ stage: -1, step: -1, outputs: D.passes.started, name: "as written" }];
  let outputs = D.passes.started;
  D.passes.stages.forEach((stage, s) => {
    stage.steps.forEach((step, k) => {
      const own = step[7] || (k === stage.count - 1 ? stage.outputs : outputs);
      found.push({ stage: s, step: k, outputs: own });
      outputs = own;
    });
    if (outputs.join() !== stage.outputs.join())
      found.push({ stage: s, step: -1, outputs: stage.outputs });
    outputs = stage.outputs;
  });
  found.push({ stage: D.passes.stages.length, step: -1, outputs: D.outputs, name: "compiled" });
  return found;
}

class Timeline {
  constructor(holder, { go, pickLine }) {
    this.go = go;
    this.pickLine = pickLine;
    this.all = positions();
    this.at = this.all.length - 1;
    const button = (title, path, act) =>
      el("button", { class: "icon", title, "aria-label": title, onclick: act }, icon(path));
    this.moves = el(
      "div",
      { class: "moves" },
      button("The pass before ([)", "M6 4v12M15 4l-6 6 6 6", () => this.pass(-1)),
      button("One step back (←)", "M12 4l-6 6 6 6", () => this.move(-1)),
      button("One step on (→)", "M8 4l6 6-6 6", () => this.move(1)),
      button("The next pass (])", "M14 4v12M5 4l6 6-6 6", () => this.pass(1)),
    );
    this.track = el("div", { class: "track" });
    this.canvas = el("canvas", {
      tabindex: "0",
      role: "slider",
      "aria-label": "Passes and rewrites",
      "aria-valuemin": "0",
      "aria-valuemax": String(this.all.length - 1),
    });
    this.step = el("div", { class: "step" });
    this.track.append(this.canvas);
    holder.append(this.moves, this.track, this.step);
    new ResizeObserver(() => this.draw()).observe(this.track);
    const to = (event) => this.set(this.nearest(event.offsetX));
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      this.dragging = true;
      to(event);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (this.dragging) to(event);
      else this.canvas.title = this.titleAt(event.offsetX);
    });
    this.canvas.addEventListener("pointerup", () => {
      this.dragging = false;
    });
    this.write();
  }

  // Segments of stages, and the places of positions along the track.
  measure() {
    const width = this.track.clientWidth,
      groups = [];
    const names = ["as written", ...D.passes.stages.map((s) => s.name), "compiled"];
    for (let s = -1; s <= D.passes.stages.length; s++) {
      const own = this.all
        .map((p, k) => [p, k])
        .filter(([p]) => p.stage === s)
        .map(([, k]) => k);
      groups.push({
        stage: s,
        name: names[s + 1],
        own,
        weight: own.length ? 1.6 + Math.min(9, Math.sqrt(own.length) * 1.3) : 0,
      });
    }
    const idle = groups.filter((g) => !g.own.length).length * 14,
      room = width - idle - 4;
    const whole = groups.reduce((sum, g) => sum + g.weight, 0) || 1;
    let left = 2;
    this.places = new Float64Array(this.all.length);
    for (const g of groups) {
      g.x = left;
      g.w = g.own.length ? (room * g.weight) / whole : 14;
      g.own.forEach((k, i) => {
        this.places[k] = g.x + 8 + (g.w - 18) * (g.own.length === 1 ? 0.5 : i / (g.own.length - 1));
      });
      left += g.w;
    }
    this.groups = groups;
  }

  draw() {
    const width = this.track.clientWidth,
      height = 40,
      ratio = devicePixelRatio || 1;
    if (!width) return;
    this.measure();
    const pen = this.canvas.getContext("2d");
    this.canvas.width = width * ratio;
    this.canvas.height = height * ratio;
    pen.scale(ratio, ratio);
    const ink = (name) => css(`--${name}`),
      here = this.all[this.at].stage;
    for (const g of this.groups) {
      const active = g.own.length > 0;
      pen.fillStyle = g.stage === here ? ink("accent-soft") : active ? ink("panel") : ink("bg");
      pen.strokeStyle = g.stage === here ? ink("accent") : ink("line");
      pen.lineWidth = 1;
      pen.beginPath();
      pen.roundRect(g.x + 1.5, 3.5, g.w - 3, 19, active ? 6 : 3);
      pen.fill();
      pen.stroke();
      if (active) {
        pen.fillStyle = ink("faint");
        let last = -9;
        for (const k of g.own)
          if (this.places[k] - last > 2.5) {
            pen.fillRect(this.places[k] - 0.5, 9, 1, 8);
            last = this.places[k];
          }
        pen.fillStyle = g.stage === here ? ink("accent") : ink("muted");
        pen.font = `${g.stage === here ? "600 " : ""}11px ${FONT_SANS}`;
        pen.textAlign = "center";
        pen.textBaseline = "alphabetic";
        const label = g.w > 44 ? g.name : "";
        let text = label;
        while (text && pen.measureText(text).width > g.w - 4) text = text.slice(0, -1);
        pen.fillText(
          text === label ? text : text.length > 3 ? `${text.slice(0, -1)}…` : "",
          g.x + g.w / 2,
          36,
        );
      }
    }
    const x = this.places[this.at];
    pen.fillStyle = ink("accent");
    pen.beginPath();
    pen.arc(x, 13, 6.5, 0, 7);
    pen.fill();
    pen.fillStyle = ink("panel");
    pen.beginPath();
    pen.arc(x, 13, 2.5, 0, 7);
    pen.fill();
    this.canvas.setAttribute("aria-valuenow", String(this.at));
  }

  nearest(x) {
    let best = 0;
    this.places.forEach((place, k) => {
      if (Math.abs(place - x) < Math.abs(this.places[best] - x)) best = k;
    });
    return best;
  }

  titleAt(x) {
    const g = this.groups?.find((one) => x >= one.x && x < one.x + one.w),
      stage = g && D.passes.stages[g.stage];
    if (!stage) return g ? g.name : "";
    const changes = stage.count ? `${stage.count} changes` : "no change";
    const why = stage.why ? `\n${stage.why}` : "";
    return `${stage.name}: ${changes}, ${amount(stage.seconds, "s")}${why}`;
  }

  move(by) {
    this.set(this.at + by);
  }

  pass(by) {
    const here = this.all[this.at].stage;
    let k = this.at;
    while (k + by >= 0 && k + by < this.all.length && this.all[k + by].stage === here) k += by;
    k += by;
    if (k < 0 || k >= this.all.length) {
      this.set(by < 0 ? 0 : this.all.length - 1);
      return;
    }
    while (k + 1 < this.all.length && this.all[k + 1].stage === this.all[k].stage) k++;
    this.set(k);
  }

  set(at) {
    at = Math.max(0, Math.min(this.all.length - 1, at));
    if (at === this.at) return;
    const before = this.all[this.at];
    this.at = at;
    this.draw();
    this.write();
    this.go(this.all[at], before);
  }

  // The nodes that a position has and the one before it has not, and the other way round.
  changes() {
    if (!this.at) return { fresh: new Set(), gone: 0 };
    const now = withBodies(this.all[this.at].outputs),
      before = withBodies(this.all[this.at - 1].outputs);
    const fresh = new Set([...now].filter((n) => !before.has(n)));
    return { fresh, gone: [...before].filter((n) => !now.has(n)).length };
  }

  write() {
    const here = this.all[this.at],
      stage = D.passes.stages[here.stage],
      step = stage?.steps[here.step];
    const place = `${this.at + 1} / ${this.all.length}`;
    const { fresh, gone } =
      finalNodes.size < 20000 ? this.changes() : { fresh: new Set(), gone: 0 };
    this.fresh = this.at === this.all.length - 1 ? new Set() : fresh;
    // Of large graphs only those after each pass are here: the node that a step replaces is marked.
    if (step && !step[7]) this.fresh = new Set([step[1], step[2]]);
    const diff = el(
      "div",
      { class: "diff" },
      this.at && (fresh.size || gone) ? `+${fresh.size} −${gone} nodes` : "",
      " ",
      place,
    );
    if (!step) {
      const name = stage ? `${stage.name}: the graph after this pass` : here.name;
      const why =
        stage?.why ||
        (this.at
          ? "The graph that is fused and lowered to kernels."
          : "The graph that the program made, before any rewrite.");
      this.step.replaceChildren(
        el("div", { class: "what" }, name),
        el("div", { class: "mid" }, el("span", { class: "why" }, why)),
        diff,
      );
      return;
    }
    const [rule, why] = D.passes.rules[step[0]],
      line = step[3];
    const where =
      line >= 0 ? el("a", { onclick: () => this.pickLine(line) }, lineName(line)) : null;
    this.step.replaceChildren(
      el(
        "div",
        { class: "what" },
        stage.name,
        el("span", {}, ` · ${here.step + 1} of ${stage.count}`),
        el("br"),
        where,
      ),
      el(
        "div",
        { class: "mid" },
        el(
          "span",
          { class: "change", title: `${step[5]}  →  ${step[6]}` },
          el("em", {}, step[5]),
          "  →  ",
          el("strong", {}, step[6]),
        ),
        el(
          "span",
          { class: "why", title: `${rule}\n${why}` },
          el("b", {}, rule),
          why && why !== rule ? ` — ${why}` : "",
        ),
      ),
      diff,
    );
  }
}
