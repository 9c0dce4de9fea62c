// One function per kind of chart: from the rows of its table to what Chart.js draws. Shapes differ where colours do.

const format = (value) =>
  Math.abs(value) >= 100 ? value.toFixed(0) : Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2);
const percent = (value) => `${(100 * value).toFixed(1)} %`;
const minus = (text) => text.replaceAll("-", "\u2212");

function hatched(colour) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const pen = tile.getContext("2d");
  pen.strokeStyle = colour;
  pen.lineWidth = 1.5;
  pen.beginPath();
  for (const start of [-8, 0, 8]) {
    pen.moveTo(start, 8);
    pen.lineTo(start + 8, 0);
  }
  pen.stroke();
  return pen.createPattern(tile, "repeat");
}

function reference(ends, colours) {
  return {
    type: "line",
    label: "reference",
    data: ends,
    borderColor: colours.line,
    borderWidth: 1.5,
    borderDash: [6, 5],
    pointRadius: 0,
    pointHitRadius: 0,
    pointStyle: "line",
    order: 10,
  };
}

// Known ground: filled circles. Outside: hollow triangles.
function byDomain(rows, colours, point) {
  const look = {
    inside: { pointStyle: "circle", borderColor: colours.inside, backgroundColor: colours.inside + "b0", radius: 3.2 },
    outside: { pointStyle: "triangle", borderColor: colours.outside, backgroundColor: colours.surface, radius: 5 },
  };
  return Object.entries(look)
    .map(([domain, style]) => ({
      label: `${domain} the domain`,
      data: rows.filter((row) => row.domain === domain).map((row) => ({ ...point(row), row })),
      borderWidth: 1.2,
      hoverRadius: style.radius + 2.5,
      errorBarWhiskerSize: 0,
      errorBarLineWidth: 1,
      errorBarWhiskerLineWidth: 1,
      errorBarColor: style.borderColor + "66",
      errorBarWhiskerColor: style.borderColor + "66",
      ...style,
    }))
    .filter((set) => set.data.length > 0);
}

function span(values) {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const room = 0.04 * (high - low || 1);
  return [low - room, high + room];
}

const KINDS = {
  parity(rows, colours) {
    const ends = span(rows.flatMap((row) => [row.actual, row.predicted]));
    return {
      type: "scatterWithErrorBars",
      datasets: [
        ...byDomain(rows, colours, (row) => ({ x: row.actual, y: row.predicted, yMin: row.lower, yMax: row.upper })),
        reference(ends.map((end) => ({ x: end, y: end })), colours),
      ],
      scales: { x: { min: ends[0], max: ends[1] } },
      tell: (row) =>
        `row ${row.key}: measured ${format(row.actual)}, predicted ${format(row.predicted)} (${format(row.lower)} to ${format(row.upper)}), ${row.domain} the domain`,
    };
  },
  residuals(rows, colours) {
    const ends = span(rows.map((row) => row.predicted));
    return {
      type: "scatter",
      datasets: [
        ...byDomain(rows, colours, (row) => ({ x: row.predicted, y: row.residual })),
        reference(ends.map((end) => ({ x: end, y: 0 })), colours),
      ],
      scales: { x: { min: ends[0], max: ends[1] } },
      tell: (row) =>
        `row ${row.key}: predicted ${format(row.predicted)}, measured ${format(Math.abs(row.residual))} ${row.residual < 0 ? "less" : "more"}, ${row.domain} the domain`,
    };
  },
  coverage(rows, colours) {
    const low = Math.min(...rows.map((row) => Math.min(row.level, row.coverage - row.sd))) - 0.03;
    const ticks = { callback: (value) => `${Math.round(100 * value)} %` };
    return {
      type: "scatterWithErrorBars",
      datasets: [
        {
          label: "found on holdouts, ± SD",
          data: rows.map((row) => ({
            x: row.level,
            y: row.coverage,
            yMin: row.coverage - row.sd,
            yMax: Math.min(1, row.coverage + row.sd),
            row,
          })),
          showLine: true,
          borderColor: colours.inside,
          backgroundColor: colours.inside,
          borderWidth: 2,
          radius: 5,
          hoverRadius: 7,
          errorBarWhiskerSize: 8,
          errorBarColor: colours.inside,
          errorBarWhiskerColor: colours.inside,
        },
        { ...reference([{ x: low, y: low }, { x: 1, y: 1 }], colours), label: "promise kept exactly" },
      ],
      scales: { x: { min: low, max: 1, ticks }, y: { min: low, max: 1.01, ticks } },
      legend: true,
      tell: (row) => `promised ${percent(row.level)}, found ${percent(row.coverage)} ± ${percent(row.sd)}, mean width ${format(row.width)}`,
    };
  },
  scores(rows, colours) {
    return {
      type: "barWithErrorBars",
      labels: rows.map((row) => `${row.split}: ${row.who}`),
      datasets: [
        {
          label: "mean absolute error",
          data: rows.map((row) => ({ x: row.mae, xMin: row.low, xMax: row.high, y: `${row.split}: ${row.who}`, row })),
          backgroundColor: rows.map((row) => (row.who === "model" ? colours.inside : hatched(colours.line + "b0"))),
          borderColor: rows.map((row) => (row.who === "model" ? colours.inside : colours.line)),
          borderWidth: 1,
          maxBarThickness: 26,
          errorBarColor: colours.text,
          errorBarWhiskerColor: colours.text,
        },
      ],
      horizontal: true,
      height: 90 + 48 * rows.length,
      tell: (row) => `by ${row.split}, ${row.who}: ${format(row.mae)} (${format(row.low)} to ${format(row.high)})`,
    };
  },
  importance(rows, colours) {
    return {
      type: "barWithErrorBars",
      labels: rows.map((row) => row.name),
      datasets: [
        {
          label: "growth of the error",
          data: rows.map((row) => ({ x: row.mean, xMin: row.mean - row.sd, xMax: row.mean + row.sd, y: row.name, row })),
          backgroundColor: rows.map((row) => (row.mean > 0 ? colours.inside : hatched(colours.outside))),
          borderColor: rows.map((row) => (row.mean > 0 ? colours.inside : colours.outside)),
          borderWidth: 1,
          maxBarThickness: 20,
          errorBarColor: colours.text,
          errorBarWhiskerColor: colours.text,
        },
      ],
      horizontal: true,
      height: 70 + 28 * rows.length,
      tell: (row) => `${row.name}: ${format(row.mean)} ± ${format(row.sd)}. ${row.description}`,
    };
  },
  errors(rows, colours) {
    const ends = [0, span(rows.flatMap((row) => [row.a, row.b]))[1]];
    return {
      type: "scatter",
      datasets: [
        {
          label: "rows",
          data: rows.map((row) => ({ x: row.a, y: row.b, row })),
          pointStyle: "circle",
          borderColor: colours.inside,
          backgroundColor: colours.inside + "99",
          radius: 3.5,
          hoverRadius: 6,
        },
        reference(ends.map((end) => ({ x: end, y: end })), colours),
      ],
      scales: { x: { min: 0, max: ends[1] }, y: { min: 0, max: ends[1] } },
      tell: (row) => `row ${row.key}, measured ${format(row.actual)}: errors ${format(row.a)} and ${format(row.b)}`,
    };
  },
  laboratory(rows, colours) {
    const ends = [{ x: 0, y: 0 }, { x: rows.length + 1, y: 0 }];
    const look = {
      yes: { label: "inside the interval", pointStyle: "circle", borderColor: colours.inside, backgroundColor: colours.inside },
      no: { label: "outside the interval", pointStyle: "triangle", borderColor: colours.outside, backgroundColor: colours.surface },
    };
    const sets = Object.entries(look).map(([covered, style]) => ({
      data: rows.filter((row) => row.covered === covered).map((row) => ({ x: row.place, y: row.residual, row })),
      borderWidth: 1.5,
      radius: 5,
      hoverRadius: 7,
      ...style,
    }));
    return {
      type: "scatter",
      datasets: [...sets.filter((set) => set.data.length > 0), reference(ends, colours)],
      scales: { x: { min: 0, max: rows.length + 1, ticks: { precision: 0 } } },
      legend: true,
      tell: (row) =>
        `${row.key}: measured ${format(Math.abs(row.residual))} ${row.residual < 0 ? "less" : "more"} than predicted, ${row.covered === "yes" ? "inside" : "outside"} the interval`,
    };
  },
  drift(rows, colours, { threshold }) {
    return {
      type: "bar",
      labels: rows.map((row) => row.name),
      datasets: [
        {
          label: "population stability index",
          data: rows.map((row) => ({ x: row.psi, y: row.name, row })),
          backgroundColor: rows.map((row) => (row.alarm === "yes" ? hatched(colours.outside) : colours.inside)),
          borderColor: rows.map((row) => (row.alarm === "yes" ? colours.outside : colours.inside)),
          borderWidth: 1,
          maxBarThickness: 20,
        },
      ],
      horizontal: true,
      limit: threshold,
      // With the threshold always in view, small differences do not look large.
      scales: { x: { suggestedMax: 1.15 * threshold } },
      height: 70 + 28 * rows.length,
      tell: (row) => `${row.name}: ${format(row.psi)}${row.alarm === "yes" ? ", over its threshold" : ""}`,
    };
  },
};

// Returns what a chart of this kind shows, with texts that use a real minus sign.
export function describe(kind, rows, colours, settings) {
  const found = KINDS[kind](rows, colours, settings);
  return { ...found, tell: (row) => minus(found.tell(row)) };
}
