// Charts of an alias: calls, failures and durations of each version, as seconds come in.
(() => {
  const MOST = 900;
  const holder = document.getElementById("charts");
  const given = document.getElementById("series");
  if (!holder || !given || !window.uPlot) return;

  const data = { start: 0, count: 0, versions: new Map() };
  const FIELDS = ["Calls", "Errors", "Answered5xx", "DurationP50", "DurationP99"];
  const nothing = (field) => (field.startsWith("Duration") ? null : 0); // Where nobody called.

  // Take over what came: seconds that follow on those that are there.
  function take(series) {
    const last = data.start + data.count;
    if (!data.count || series.Start > last) {
      data.start = series.Start;
      data.count = 0;
      data.versions.clear();
    }
    const skip = Math.max(0, data.start + data.count - series.Start);
    const more = series.Points - skip;
    if (more <= 0) return false;
    const named = new Map(series.Versions.map((one) => [one.FunctionVersion, one]));
    for (const name of named.keys()) {
      if (!data.versions.has(name)) {
        const fresh = {};
        for (const field of FIELDS) fresh[field] = Array(data.count).fill(nothing(field));
        data.versions.set(name, fresh);
      }
    }
    for (const [name, kept] of data.versions) {
      const one = named.get(name);
      for (const field of FIELDS) {
        const come = one ? one[field].slice(skip) : Array(more).fill(nothing(field));
        kept[field].push(...come);
        if (kept[field].length > MOST) kept[field].splice(0, kept[field].length - MOST);
      }
    }
    data.count += more;
    if (data.count > MOST) {
      data.start += data.count - MOST;
      data.count = MOST;
    }
    return true;
  }

  const names = () => [...data.versions.keys()].sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
  const hue = (name) => (/^\d+$/.test(name) ? Number(BigInt(name) % 8n) : "x");
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colour = (name) => css(`--v${hue(name)}`);
  const label = (name) => (name ? (name[0] === "$" ? name : `v${name}`) : "–");

  // A texture of its own for each colour, so that colour is never the only sign.
  function texture(name) {
    const tone = colour(name), kind = hue(name), size = 8;
    const tile = document.createElement("canvas");
    const scale = devicePixelRatio || 1;
    tile.width = tile.height = size * scale;
    const pen = tile.getContext("2d");
    pen.scale(scale, scale);
    pen.globalAlpha = kind === 1 || kind === 5 ? 0.62 : 0.48;
    pen.fillStyle = tone;
    pen.fillRect(0, 0, size, size);
    pen.globalAlpha = 0.75;
    pen.strokeStyle = tone;
    pen.lineWidth = 1.6;
    pen.beginPath();
    if (kind === 0 || kind === 4) {
      pen.moveTo(-2, 6); pen.lineTo(6, -2); pen.moveTo(2, 10); pen.lineTo(10, 2);
    } else if (kind === 2 || kind === 6) {
      pen.moveTo(0, 4); pen.lineTo(8, 4);
    } else if (kind === 3 || kind === 7 || kind === "x") {
      pen.arc(4, 4, 1, 0, 7);
    }
    pen.stroke();
    return pen.createPattern(tile, "repeat");
  }

  // Before the first call there is nothing to see; a minute of that is enough.
  function begin() {
    let first = data.count;
    for (const one of data.versions.values()) {
      const at = one.Calls.findIndex((calls) => calls > 0);
      if (at >= 0) first = Math.min(first, at);
    }
    return data.start + Math.max(0, Math.min(first - 10, data.count - 120));
  }

  const times = () => Array.from({ length: data.count }, (_, at) => data.start + at);

  function stacked(field) {
    const rows = [times()];
    let below = null;
    for (const name of names()) {
      const values = data.versions.get(name)[field];
      below = below ? values.map((value, at) => value + below[at]) : values.slice();
      rows.push(below);
    }
    return rows;
  }

  function durations() {
    const rows = [times()];
    for (const name of names()) rows.push(data.versions.get(name).DurationP50, data.versions.get(name).DurationP99);
    return rows;
  }

  const CHARTS = {
    calls: { height: 190, rows: () => stacked("Calls"), field: "Calls", series: stack },
    errors: { height: 120, rows: () => stacked("Errors"), field: "Errors", series: stack },
    answered: { height: 120, rows: () => stacked("Answered5xx"), field: "Answered5xx", series: stack },
    durations: { height: 140, rows: durations, field: null, series: lines },
  };

  function stack() {
    const all = names();
    return {
      series: all.map((name) => ({ label: label(name), stroke: colour(name), width: 1.25, fill: () => texture(name), points: { show: false }, paths: uPlot.paths.stepped({ align: 1 }) })),
      bands: all.slice(1).map((name, at) => ({ series: [at + 2, at + 1], fill: () => texture(name) })),
    };
  }

  function lines() {
    return {
      series: names().flatMap((name) => [
        { label: `${label(name)} p50`, stroke: colour(name), width: 1.5, spanGaps: true, points: { show: false } },
        { label: `${label(name)} p99`, stroke: colour(name), width: 1.25, dash: [5, 4], spanGaps: true, points: { show: false } },
      ]),
      bands: [],
    };
  }

  const two = (number) => String(number).padStart(2, "0");
  const zone = holder.dataset.zone;
  const dated = (second) => {
    try { return uPlot.tzDate(new Date(second * 1000), zone); } catch { return new Date(second * 1000); }
  };
  const clock = (second, whole) => {
    const at = dated(second);
    return `${two(at.getHours())}:${two(at.getMinutes())}${whole ? `:${two(at.getSeconds())}` : ""}`;
  };
  const short = (value) => (value >= 1e6 ? `${value / 1e6}M` : value >= 1e4 ? `${value / 1e3}k` : String(value));

  const drawn = new Map();
  const sync = uPlot.sync("alias");

  function draw(place) {
    const kind = place.dataset.chart, chart = CHARTS[kind];
    const old = drawn.get(kind);
    if (old) old.destroy();
    place.querySelector(".tip")?.remove();
    const made = chart.series();
    const tip = document.createElement("div");
    tip.className = "tip";
    tip.hidden = true;
    const axis = { stroke: css("--quiet"), grid: { stroke: css("--line"), width: 1 }, ticks: { stroke: css("--line"), width: 1 }, font: "11px system-ui, sans-serif" };
    const plot = new uPlot({
      width: Math.max(200, place.clientWidth), height: chart.height, legend: { show: false },
      cursor: { sync: { key: sync.key }, y: false, drag: { x: false, y: false }, points: { show: false } },
      scales: { x: { time: true, range: (_, low, high) => [Math.max(low, begin()), high] }, y: { range: (_, low, high) => [0, high > 0 ? high * 1.12 : 1] } },
      axes: [
        { ...axis, size: 26, space: 80, values: (_, ticks) => ticks.map((tick) => clock(tick, data.start + data.count - begin() < 400)) },
        { ...axis, size: 52, space: 34, values: (_, ticks) => ticks.map(short) },
      ],
      series: [{}, ...made.series], bands: made.bands,
      hooks: { setCursor: [(self) => tell(self, tip, kind)] },
    }, chart.rows(), place);
    place.classList.add("drawn");
    place.append(tip);
    drawn.set(kind, plot);
  }

  function tell(plot, tip, kind) {
    const at = plot.cursor.idx;
    tip.hidden = at === null || at === undefined || !plot.cursor.left || plot.cursor.left < 0;
    if (tip.hidden) return;
    const lineOf = (name, value) => {
      const row = document.createElement("div"), left = document.createElement("span"), right = document.createElement("strong");
      const swatch = document.createElement("i");
      left.className = `v hue-${hue(name)}`;
      left.append(swatch, label(name));
      right.textContent = value;
      row.append(left, right);
      return row;
    };
    const field = CHARTS[kind].field;
    const rows = names().map((name) => {
      const one = data.versions.get(name);
      if (field) return lineOf(name, String(one[field][at] ?? 0));
      const [low, high] = [one.DurationP50[at], one.DurationP99[at]];
      return lineOf(name, low === null || low === undefined ? "–" : `${low} / ${high} ms`);
    });
    const head = document.createElement("div");
    head.textContent = clock(data.start + at, true);
    tip.replaceChildren(head, ...rows.reverse());
    const room = plot.root.clientWidth - tip.offsetWidth - 8;
    tip.style.left = `${Math.min(room, plot.cursor.left + 64)}px`;
  }

  let shown = "";
  function refresh() {
    // Of most functions no call succeeds and answers 5xx: there is a chart of those where there are any.
    const answered = document.getElementById("answered");
    answered.hidden = !names().some((name) => data.versions.get(name).Answered5xx.some(Boolean));
    const now = `${names().join(" ")} ${answered.hidden} ${document.documentElement.dataset.theme} ${matchMedia("(prefers-color-scheme: dark)").matches} ${holder.clientWidth}`;
    const anew = now !== shown;
    shown = now;
    for (const place of holder.querySelectorAll("[data-chart]")) {
      if (place.closest("[hidden]")) continue;
      const plot = drawn.get(place.dataset.chart);
      if (anew || !plot) draw(place);
      else plot.setData(CHARTS[place.dataset.chart].rows());
    }
    if (data.versions.size) document.getElementById("silence")?.remove();
    holder.dataset.seconds = String(data.count);
  }

  take(JSON.parse(given.textContent));
  refresh();
  holder.addEventListener("htmx:sseBeforeMessage", (event) => {
    event.preventDefault(); // It is data and not a part of the page.
    if (event.detail.type === "counts" && take(JSON.parse(event.detail.data)) && !document.hidden) refresh();
  });
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  new ResizeObserver(() => refresh()).observe(holder);
})();
