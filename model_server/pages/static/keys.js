// A chart by keyboard: arrows walk through the points, which are also spoken; plus and minus zoom, 0 shows everything.
import { say } from "./swap.js";

const STEP = 1.25;

// Every point that stands for a row, in reading order of the chart.
function pointsOf(chart) {
  const across = chart.options.indexAxis === "y";
  const found = [];
  chart.data.datasets.forEach((set, datasetIndex) => {
    set.data.forEach((point, index) => {
      if (point.row !== undefined) {
        found.push({ datasetIndex, index, at: across ? index : point.x, row: point.row });
      }
    });
  });
  return found.sort((a, b) => a.at - b.at);
}

export function offerKeys(figure, chartOf, tell) {
  const plot = figure.querySelector(".plot");
  let place = -1;

  function show(step) {
    const chart = chartOf();
    const points = pointsOf(chart);
    if (points.length === 0) {
      return;
    }
    place = step === "first" ? 0 : step === "last" ? points.length - 1 : Math.min(Math.max(place + step, 0), points.length - 1);
    const { datasetIndex, index, row } = points[place];
    const active = [{ datasetIndex, index }];
    const { x, y } = chart.getDatasetMeta(datasetIndex).data[index].getProps(["x", "y"], true);
    chart.setActiveElements(active);
    chart.tooltip.setActiveElements(active, { x, y });
    chart.update();
    say(`${place + 1} of ${points.length}: ${tell(row)}`);
  }

  function zoom(how) {
    const chart = chartOf();
    if (how === "reset") {
      chart.resetZoom();
    } else {
      chart.zoom(how === "in" ? STEP : 1 / STEP);
    }
  }

  function leave() {
    const chart = chartOf();
    chart.setActiveElements([]);
    chart.tooltip.setActiveElements([], { x: 0, y: 0 });
    chart.update();
  }

  const actions = {
    ArrowRight: () => show(1),
    ArrowDown: () => show(1),
    ArrowLeft: () => show(-1),
    ArrowUp: () => show(-1),
    Home: () => show("first"),
    End: () => show("last"),
    "+": () => zoom("in"),
    "-": () => zoom("out"),
    0: () => zoom("reset"),
    Escape: leave,
  };
  plot.addEventListener("keydown", (event) => {
    const action = actions[event.key];
    if (action && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      action();
    }
  });
  plot.addEventListener("blur", leave);
  return { zoom };
}
