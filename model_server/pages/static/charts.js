// Draws the charts of a page from the tables behind them: colours of the style sheet, zoom, pan, and the keyboard.
import { describe } from "./kinds.js";
import { readTable } from "./tables.js";
import { offerKeys } from "./keys.js";

const drawn = new Map();
const NARROW = 400;

function colours() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    inside: read("chart-in"),
    outside: read("chart-out"),
    other: read("chart-alt"),
    grid: read("chart-grid"),
    line: read("chart-line"),
    text: read("text"),
    muted: read("muted"),
    surface: read("surface"),
  };
}

// A line at a value of the horizontal axis, such as the threshold of an alarm.
const limitLine = {
  id: "limitLine",
  afterDatasetsDraw(chart, _args, { value, colour }) {
    if (typeof value !== "number") {
      return;
    }
    const x = chart.scales.x.getPixelForValue(value);
    const { ctx: pen, chartArea: area } = chart;
    if (x < area.left || x > area.right) {
      return;
    }
    pen.save();
    pen.strokeStyle = colour;
    pen.setLineDash([6, 5]);
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.moveTo(x, area.top);
    pen.lineTo(x, area.bottom);
    pen.stroke();
    pen.restore();
  },
};

function axis(title, palette, width, more) {
  return {
    // Longer than the axis, a title would be squeezed.
    title: { display: title !== "", text: width < NARROW ? wrap(title, 24) : title, color: palette.muted, font: { size: 12.5, weight: 500 } },
    grid: { color: palette.grid, tickColor: palette.grid },
    border: { color: palette.line },
    ...more,
    ticks: { color: palette.muted, maxRotation: 0, includeBounds: false, font: { size: 12 }, ...more?.ticks },
  };
}

function configuration(figure, found, palette, width) {
  const across = found.horizontal;
  const shorten = (value, index) => {
    const label = found.labels[index] ?? String(value);
    const room = width < NARROW ? 18 : 34;
    return label.length > room ? `${label.slice(0, room - 1)}…` : label;
  };
  const categories = across ? { type: "category", ticks: { autoSkip: false, callback: shorten }, grid: { display: false } } : {};
  const several = found.datasets.filter((set) => set.label !== "reference").length > 1;
  return {
    type: found.type,
    data: { labels: found.labels, datasets: found.datasets },
    plugins: [limitLine],
    options: {
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      indexAxis: across ? "y" : "x",
      interaction: { mode: "nearest", intersect: !across, axis: across ? "y" : "xy" },
      layout: { padding: { top: 4, right: 10 } },
      scales: {
        x: axis(figure.dataset.x, palette, width, across ? { beginAtZero: true, ...found.scales?.x } : found.scales?.x),
        y: axis(figure.dataset.y, palette, width, across ? categories : { grace: "6%", ...found.scales?.y }),
      },
      plugins: {
        limitLine: { value: found.limit, colour: palette.outside },
        legend: {
          display: several || Boolean(found.legend),
          position: "top",
          align: "start",
          labels: {
            color: palette.text,
            usePointStyle: true,
            boxHeight: 7,
            font: { size: 12.5 },
            filter: (item) => item.text !== "reference",
          },
        },
        tooltip: {
          backgroundColor: palette.text,
          titleColor: palette.surface,
          bodyColor: palette.surface,
          padding: 10,
          displayColors: false,
          bodyFont: { size: 13 },
          filter: (item) => item.raw.row !== undefined,
          callbacks: {
            title: () => "",
            label: (item) => wrap(found.tell(item.raw.row), width < NARROW ? 34 : 52),
          },
        },
        zoom: {
          pan: { enabled: true, mode: across ? "x" : "xy", threshold: 4 },
          zoom: {
            mode: across ? "x" : "xy",
            // A bare wheel scrolls the page; a chart must not hold it fast.
            wheel: { enabled: true, modifierKey: "ctrl" },
            pinch: { enabled: true },
          },
        },
      },
    },
  };
}

function wrap(text, room) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== "" && last.length + word.length + 1 > room) {
      lines.push(word);
    } else {
      lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
    }
  }
  return lines;
}

function draw(figure) {
  const plot = figure.querySelector(".plot");
  const rows = readTable(figure.querySelector(".chart-table table"));
  const palette = colours();
  const threshold = figure.dataset.threshold === undefined ? undefined : Number(figure.dataset.threshold);
  const found = describe(figure.dataset.chart, rows, palette, { threshold });
  if (found.height) {
    plot.style.height = `${found.height}px`;
  }
  drawn.get(figure)?.destroy();
  const chart = new globalThis.Chart(plot.querySelector("canvas"), configuration(figure, found, palette, plot.clientWidth));
  // A finger that moves up or down over a chart scrolls the page; sideways it pans, and two fingers zoom.
  chart.canvas.style.touchAction = "pan-y";
  drawn.set(figure, chart);
  figure.chart = chart;
  return found;
}

function offerTools(figure, keys) {
  for (const button of figure.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => keys.zoom(button.dataset.zoom));
  }
  const toggle = figure.querySelector("[data-table]");
  const table = figure.querySelector(".chart-table");
  toggle.addEventListener("click", () => {
    const open = table.classList.toggle("open");
    toggle.setAttribute("aria-expanded", String(open));
  });
}

export function drawCharts(root) {
  for (const figure of drawn.keys()) {
    if (!figure.isConnected) {
      drawn.get(figure).destroy();
      drawn.delete(figure);
    }
  }
  if (globalThis.Chart === undefined) {
    return;
  }
  globalThis.Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  for (const figure of root.querySelectorAll("figure[data-chart]")) {
    const found = draw(figure);
    offerTools(figure, offerKeys(figure, () => drawn.get(figure), found.tell));
  }
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const figure of drawn.keys()) {
    draw(figure);
  }
});
