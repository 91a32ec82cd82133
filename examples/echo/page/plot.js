// Small live plots on a canvas.

// A probe turns a custom property, which may hold light-dark(), into a colour.
function resolve(canvas, name) {
  canvas.style.color = `var(${name})`;
  const value = getComputedStyle(canvas).color;
  canvas.style.color = "";
  return value;
}

// ceiling is the first of 1, 2, 5, 10, 20, … times a power of ten that is not below v.
function ceiling(v) {
  if (!(v > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(v));
  return [1, 2, 5, 10].map(n => n * power).find(n => n >= v * 0.999) ?? 10 * power;
}

// Plot draws points [x, y] over a window of x that ends at the newest moment.
// A point without y is a gap.
export class Plot {
  constructor(canvas, {span, unit, digits = v => v < 1 ? 2 : v < 10 ? 1 : 0}) {
    Object.assign(this, {canvas, span, unit, digits});
    this.top = 1;
  }

  draw(points, end, ticks) {
    const {canvas, span} = this, scale = devicePixelRatio || 1;
    const width = canvas.clientWidth, height = canvas.clientHeight;
    if (!width || !height) return;
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
    }
    const c = canvas.getContext("2d");
    c.setTransform(scale, 0, 0, scale, 0, 0);
    c.clearRect(0, 0, width, height);
    c.font = "12px system-ui, sans-serif";
    c.textBaseline = "middle";

    const ink = resolve(canvas, "--soft"), line = resolve(canvas, "--line"), accent = resolve(canvas, "--accent");
    const left = 68, right = 6, top = 8, bottom = 20;
    const shown = points.filter(([x]) => x >= end - span);
    const highest = Math.max(0, ...shown.map(([, y]) => y ?? 0));
    // The scale follows upward at once, and downward only when much too large.
    const wanted = ceiling(highest * 1.05);
    if (wanted > this.top || wanted < this.top / 2 || !shown.length) this.top = wanted;
    const px = x => left + (width - left - right) * (1 - (end - x) / span);
    const py = y => top + (height - top - bottom) * (1 - y / this.top);

    c.lineWidth = 1;
    c.fillStyle = ink;
    c.strokeStyle = line;
    for (let i = 0; i <= 4; i++) {
      const v = this.top * i / 4, y = Math.round(py(v)) + 0.5;
      c.beginPath();
      c.moveTo(left, y);
      c.lineTo(width - right, y);
      c.stroke();
      if (i % 2 === 0) {
        c.textAlign = "right";
        c.fillText(i ? `${v.toFixed(this.digits(this.top))} ${this.unit}` : "0", left - 8, y);
      }
    }
    c.textAlign = "left";
    ticks.forEach(([x, text], i) => {
      c.textAlign = i === 0 ? "left" : i === ticks.length - 1 ? "right" : "center";
      c.fillText(text, px(x), height - 7);
    });

    c.save();
    c.beginPath();
    c.rect(left, 0, width - left - right, height - bottom + 1);
    c.clip();
    for (const run of runs(shown)) {
      c.beginPath();
      for (const [x, y] of run) c.lineTo(px(x), py(y));
      c.strokeStyle = accent;
      c.lineWidth = 1.75;
      c.lineJoin = "round";
      c.stroke();
      c.lineTo(px(run.at(-1)[0]), py(0));
      c.lineTo(px(run[0][0]), py(0));
      c.globalAlpha = 0.13;
      c.fillStyle = accent;
      c.fill();
      c.globalAlpha = 1;
    }
    c.restore();
  }
}

// runs splits points at the gaps.
function runs(points) {
  const out = [];
  let run = [];
  for (const p of points) {
    if (p[1] !== null) run.push(p);
    else if (run.length) { out.push(run); run = []; }
  }
  if (run.length) out.push(run);
  return out;
}
