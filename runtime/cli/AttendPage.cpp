// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The page of `attend`: a heat map of a layer and head, small ones of all to choose from, the weights of the
// token under the mouse. Weights are held as 16-bit numbers, which shows four decimals.
#include "runtime/cli/AttentionMaps.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

using namespace attune;
using namespace attune::cli;

namespace {

constexpr char pageBegin[] = R"page(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Attention</title>
<style>
  :root { color-scheme: light dark; --back: #fbfbfd; --ink: #1b1d22; --faint: #6b7280; --line: #d9dce3; --mark: #d9480f; --r: 24; --g: 84; --b: 172; }
  @media (prefers-color-scheme: dark) {
    :root { --back: #14161b; --ink: #e7e9ee; --faint: #9aa1ad; --line: #333842; --mark: #ffa94d; --r: 116; --g: 178; --b: 255; }
  }
  body { margin: 0 auto; max-width: 76rem; padding: 1.5rem; background: var(--back); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
  h1 { font-size: 1.25rem; margin: 0 0 .25rem; }
  p { margin: 0 0 1rem; color: var(--faint); overflow-wrap: anywhere; }
  .choice { display: flex; gap: 1rem; flex-wrap: wrap; align-items: center; margin-bottom: 1rem; }
  select { font: inherit; padding: .2rem .4rem; }
  main { display: flex; gap: 2rem; flex-wrap: wrap; align-items: flex-start; }
  #scroll { overflow: auto; max-width: 100%; }
  #map { display: block; cursor: crosshair; }
  #side { min-width: 15rem; flex: 1; }
  #said { font-weight: 600; min-height: 1.5em; margin-bottom: .5rem; color: var(--ink); }
  #bars div { display: flex; gap: .5rem; align-items: center; font-variant-numeric: tabular-nums; white-space: pre; }
  #bars span { flex: 0 0 8rem; overflow: hidden; text-overflow: ellipsis; }
  #bars i { height: .7em; background: rgb(var(--r) var(--g) var(--b)); border-radius: 2px; flex: none; }
  #all { display: grid; gap: 2px; overflow: auto; margin-bottom: 1rem; font-size: 11px; line-height: 1.2; color: var(--faint); justify-content: start; align-items: center; justify-items: center; }
  #scale { position: relative; width: 12rem; height: 2.1rem; color: var(--faint); font-size: 12px; }
  #scale canvas { width: 100%; height: .8rem; border: 1px solid var(--line); }
  #scale span { position: absolute; bottom: 0; transform: translateX(-50%); }
  #all canvas { image-rendering: pixelated; border: 1px solid var(--line); box-sizing: border-box; cursor: pointer; }
  #all canvas.chosen { outline: 2px solid var(--mark); }
</style>
<h1>Who looks at whom</h1>
<p id="about"></p>
<div id="all"></div>
<div class="choice">
  <label>Layer <select id="layer"></select></label>
  <label>Head <select id="head"></select></label>
  <div id="scale"><canvas width="192" height="1"></canvas></div>
  <span style="color: var(--faint)">a row for each token that looks, a column for each that is looked at</span>
</div>
<main>
  <div id="scroll"><canvas id="map"></canvas></div>
  <div id="side"><div id="said"></div><div id="bars"></div></div>
</main>
<script>
const data = )page";

constexpr char pageEnd[] = R"page(;
const raw = atob(data.weights), bytes = Uint8Array.from(raw, c => c.charCodeAt(0)), stored = new DataView(bytes.buffer);
const { tokens, layers, heads } = data, n = tokens.length, byId = id => document.getElementById(id);
const exact = (l, h, q, k) => stored.getUint16(2 * (((l * heads + h) * n + q) * n + k), true) / 65535;
function weight(l, h, q, k) {
  if (h >= 0) return exact(l, h, q, k);
  let sum = 0;
  for (let i = 0; i < heads; i++) sum += exact(l, i, q, k);
  return sum / heads;
}
let layer = layers - 1, head = -1, row = -1, column = -1;
byId('about').textContent = data.model + ': ' + data.text;
function option(select, value, text) { const o = document.createElement('option'); o.value = value; o.textContent = text; select.append(o); }
for (let l = 0; l < layers; l++) option(byId('layer'), l, l);
option(byId('head'), -1, 'mean of all');
for (let h = 0; h < heads; h++) option(byId('head'), h, h);
byId('layer').onchange = e => { layer = +e.target.value; draw(); };
byId('head').onchange = e => { head = +e.target.value; draw(); };

const style = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
let tint = '';
const readTint = () => { tint = ['--r', '--g', '--b'].map(style).join(' '); };
const ink = w => `rgb(${tint} / ${Math.sqrt(w).toFixed(3)})`;
// All but what the mouse changes is painted once for a layer and head, on a canvas of its own.
const map = byId('map'), painted = document.createElement('canvas'), cell = Math.max(1, Math.min(34, Math.max(9, Math.floor(640 / n)), Math.floor(7000 / n)));
const zoom = window.devicePixelRatio || 1, font = `${Math.min(14, Math.max(9, cell) + 3)}px system-ui, sans-serif`;
let longest = 0, left = 0, top_ = 0;
function label(g, i, isRow, color) {
  g.fillStyle = style(color); g.textAlign = isRow ? 'right' : 'left';
  if (isRow) { g.fillText(tokens[i], left - 6, top_ + (i + .5) * cell, longest); return; }
  g.save(); g.translate(left + (i + .5) * cell, top_ - 6); g.rotate(-Math.PI / 2); g.fillText(tokens[i], 0, 0, longest); g.restore();
}
function prepare(canvas) {
  const g = canvas.getContext('2d');
  g.setTransform(zoom, 0, 0, zoom, 0, 0); g.font = font; g.textBaseline = 'middle';
  return g;
}
function draw() {
  byId('layer').value = layer; byId('head').value = head;
  longest = Math.min(160, Math.max(...tokens.map(t => prepare(painted).measureText(t).width)));
  left = top_ = longest + 10;
  const size = left + n * cell + 2;
  for (const c of [map, painted]) c.width = c.height = size * zoom;
  map.style.width = map.style.height = size + 'px';
  const g = prepare(painted);
  for (let i = 0; i < n && cell >= 9; i++) { label(g, i, true, '--ink'); label(g, i, false, '--ink'); }
  for (let q = 0; q < n; q++) for (let k = 0; k < n; k++) {
    g.fillStyle = ink(weight(layer, head, q, k));
    g.fillRect(left + k * cell, top_ + q * cell, Math.max(1, cell - 1), Math.max(1, cell - 1));
  }
  g.strokeStyle = style('--line'); g.strokeRect(left - .5, top_ - .5, n * cell, n * cell);
  for (const c of document.querySelectorAll('#all canvas')) c.classList.toggle('chosen', +c.dataset.layer === layer && +c.dataset.head === head);
  point();
}
function point() {
  const g = prepare(map);
  g.clearRect(0, 0, map.width, map.height);
  g.drawImage(painted, 0, 0, painted.width / zoom, painted.height / zoom);
  if (row >= 0) {
    label(g, row, true, '--mark'); label(g, column, false, '--mark');
    g.strokeStyle = style('--mark'); g.lineWidth = 1.5; g.strokeRect(left + column * cell - .5, top_ + row * cell - .5, cell, cell);
  }
  say();
}
function say() {
  const q = row < 0 ? 0 : row;
  byId('said').textContent = row < 0 ? 'Move over the picture.'
    : `“${tokens[row]}” looks at “${tokens[column]}”: ${weight(layer, head, row, column).toFixed(4)}`;
  const order = tokens.map((t, k) => [weight(layer, head, q, k), t, k]).sort((a, b) => b[0] - a[0]).slice(0, 12);
  byId('bars').replaceChildren(...order.map(([w, t]) => {
    const line = document.createElement('div'), name = document.createElement('span'), bar = document.createElement('i');
    name.textContent = t; bar.style.width = Math.max(1, w * 120) + 'px';
    line.append(w.toFixed(4), name, bar);
    return line;
  }));
}
map.onmousemove = e => {
  const k = Math.floor((e.offsetX - left) / cell), q = Math.floor((e.offsetY - top_) / cell);
  if (q < 0 || k < 0 || q >= n || k >= n || (q === row && k === column)) return;
  row = q; column = k; point();
};
map.onmouseleave = () => { row = column = -1; point(); };

// Shades go by the square root, so that small weights can be told apart.
for (const w of [0, .1, .25, .5, 1]) {
  const mark = document.createElement('span'); mark.textContent = w; mark.style.left = 100 * Math.sqrt(w) + '%'; byId('scale').append(mark);
}

// A small picture of each head, small enough that the chosen one is seen below them. The longer of layers and heads goes across.
const all = byId('all'), across = layers > heads ? layers : heads, down = layers + heads - across;
const side = Math.max(12, Math.min(48, Math.floor(220 / down) - 2, Math.floor(1100 / across) - 2));
all.style.gridTemplateColumns = `auto repeat(${across}, ${side}px)`;
function small(l, h) {
  const c = document.createElement('canvas'), g = c.getContext('2d'), size = Math.min(n, 64), step = n / size;
  c.width = c.height = size; c.style.width = c.style.height = side + 'px';
  c.dataset.layer = l; c.dataset.head = h; c.title = `layer ${l}, head ${h}`;
  for (let q = 0; q < size; q++) for (let k = 0; k < size; k++) {
    g.fillStyle = ink(exact(l, h, Math.floor(q * step), Math.floor(k * step)));
    g.fillRect(k, q, 1, 1);
  }
  c.onclick = () => { layer = l; head = h; draw(); };
  return c;
}
function drawAll() {
  const name = text => { const e = document.createElement('div'); e.textContent = text; all.append(e); };
  const [column, line] = layers > heads ? ['layer', 'head'] : ['head', 'layer'];
  all.replaceChildren();
  name(`${line}, ${column}`);
  for (let x = 0; x < across; x++) name(x);
  for (let y = 0; y < down; y++) {
    name(y);
    for (let x = 0; x < across; x++) all.append(layers > heads ? small(x, y) : small(y, x));
  }
}
function drawScale() {
  const c = document.querySelector('#scale canvas'), g = c.getContext('2d');
  g.clearRect(0, 0, c.width, 1);
  for (let x = 0; x < c.width; x++) { g.fillStyle = ink((x / (c.width - 1)) ** 2); g.fillRect(x, 0, 1, 1); }
}
const begin = () => { readTint(); drawScale(); drawAll(); draw(); };
matchMedia('(prefers-color-scheme: dark)').onchange = begin;
begin();
</script>
</html>
)page";

void addBase64(std::string &text, const std::vector<uint8_t> &bytes) {
  constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    size_t count = std::min<size_t>(3, bytes.size() - i);
    for (size_t j = 0; j < 3; ++j)
      group = group << 8 | (j < count ? bytes[i + j] : 0);
    for (size_t j = 0; j < 4; ++j)
      text += j <= count ? digits[group >> (18 - 6 * j) & 63] : '=';
  }
}

/// JSON within a script: no text in it may end that.
std::string scriptJson(const nlohmann::ordered_json &value) {
  std::string text = value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace), safe;
  for (char c : text)
    safe += c == '<' ? std::string("\\u003c") : std::string(1, c);
  return safe;
}

} // namespace

std::string cli::pageOf(const AttentionMaps &maps, std::string_view model, std::string_view text) {
  std::vector<uint8_t> bytes;
  for (const std::vector<float> &layer : maps.layers)
    for (float weight : layer) {
      auto stored = static_cast<uint16_t>(std::lround(std::clamp(weight, 0.f, 1.f) * 65535.f));
      bytes.push_back(static_cast<uint8_t>(stored & 255));
      bytes.push_back(static_cast<uint8_t>(stored >> 8));
    }
  std::string weights;
  addBase64(weights, bytes);
  nlohmann::ordered_json data = {{"model", model},        {"text", text},
                                 {"tokens", maps.labels}, {"layers", maps.layers.size()},
                                 {"heads", maps.heads},   {"weights", std::move(weights)}};
  return pageBegin + scriptJson(data) + pageEnd;
}
