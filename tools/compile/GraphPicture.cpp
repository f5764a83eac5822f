// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Where nodes stand and how they are drawn: layers from top to bottom, in each the nodes near what they read.

#include "tools/compile/Graph.h"

#include "llvm/ADT/STLExtras.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

using namespace attune;

namespace {

constexpr double kNodeWidth = 300, kLineHeight = 17, kPadding = 10, kColumnGap = 26, kRowGap = 44,
                 kBendWidth = 16;

std::string escaped(llvm::StringRef text) {
  std::string out;
  for (char c : text)
    switch (c) {
    case '<':
      out += "&lt;";
      break;
    case '>':
      out += "&gt;";
      break;
    case '&':
      out += "&amp;";
      break;
    case '"':
      out += "&quot;";
      break;
    default:
      // Other control characters have no place in XML.
      out += static_cast<unsigned char>(c) < ' ' && c != '\n' && c != '\t' ? ' ' : c;
    }
  return out;
}

/// A node, or a bend of an edge that goes past a row.
struct Place {
  const GraphNode *node;
  size_t row;
  std::vector<size_t> inputs; ///< places in the row above
  double x = 0, y = 0, width = kBendWidth, height = 0;

  double middle() const { return x + width / 2; }
};

double heightOf(const GraphNode &node) { return 2 * kPadding + kLineHeight * (1 + node.lines.size()); }

class Drawing {
public:
  explicit Drawing(const GraphFunction &function) : function(function) {
    placeNodes();
    arrange();
    draw();
  }
  double width = 0, height = 0;
  std::string svg; ///< elements without a frame

private:
  void placeNodes() {
    std::vector<size_t> placeOf;
    for (const GraphNode &node : function.nodes) {
      size_t row = 0;
      for (size_t input : node.inputs)
        row = std::max(row, places[placeOf[input]].row + 1);
      std::vector<size_t> inputs;
      for (size_t input : node.inputs) {
        size_t last = placeOf[input];
        while (places[last].row + 1 < row) {
          add({nullptr, places[last].row + 1, {last}});
          last = places.size() - 1;
        }
        inputs.push_back(last);
      }
      add({&node, row, inputs, 0, 0, kNodeWidth, heightOf(node)});
      placeOf.push_back(places.size() - 1);
    }
  }

  void add(Place place) {
    rows.resize(std::max(rows.size(), place.row + 1));
    rows[place.row].push_back(places.size());
    places.push_back(std::move(place));
  }

  void arrange() {
    double top = 0;
    for (std::vector<size_t> &row : rows) {
      double tallest = 0;
      for (size_t index : row) {
        Place &place = places[index];
        place.y = top;
        tallest = std::max(tallest, place.height);
        if (!place.inputs.empty()) {
          double sum = 0;
          for (size_t input : place.inputs)
            sum += places[input].middle();
          place.x = sum / static_cast<double>(place.inputs.size()) - place.width / 2;
        }
      }
      llvm::sort(row, [&](size_t a, size_t b) {
        return std::pair(places[a].middle(), a) < std::pair(places[b].middle(), b);
      });
      spread(row);
      top += tallest + kRowGap;
    }
    height = top - kRowGap;
    double left = 0, right = 0;
    for (const Place &place : places) {
      left = std::min(left, place.x);
      right = std::max(right, place.x + place.width);
    }
    for (Place &place : places)
      place.x -= left;
    width = right - left;
  }

  /// Moves neighbours apart, evenly to both sides.
  void spread(const std::vector<size_t> &row) {
    double moved = 0;
    for (size_t i = 1; i < row.size(); ++i) {
      const Place &before = places[row[i - 1]];
      double least = before.x + before.width + kColumnGap;
      moved += std::max(0.0, least - places[row[i]].x);
      places[row[i]].x = std::max(places[row[i]].x, least);
    }
    for (size_t index : row)
      places[index].x -= moved / static_cast<double>(row.size());
  }

  void draw() {
    for (const Place &place : places) {
      for (size_t input : place.inputs)
        drawEdge(places[input], place);
      if (!place.node) // the way past its row
        svg += fmt::format("<path class=\"edge\" d=\"M{0:.0f} {1:.0f}V{2:.0f}\"/>\n", place.middle(), place.y,
                           bottomOf(place.row));
    }
    for (const Place &place : places)
      if (place.node)
        drawNode(place);
  }

  double bottomOf(size_t row) const {
    double bottom = 0;
    for (size_t index : rows[row])
      bottom = std::max(bottom, places[index].y + places[index].height);
    return bottom;
  }

  void drawEdge(const Place &from, const Place &to) {
    double begin = from.node ? from.y + from.height : bottomOf(from.row), middle = (begin + to.y) / 2;
    svg += fmt::format(
        "<path class=\"edge\"{5} d=\"M{0:.0f} {1:.0f}C{0:.0f} {2:.0f} {3:.0f} {2:.0f} {3:.0f} {4:.0f}\"/>\n",
        from.middle(), begin, middle, to.middle(), to.y, to.node ? " marker-end=\"url(#arrow)\"" : "");
  }

  void drawNode(const Place &place) {
    static constexpr const char *kClasses[] = {"input", "product", "attention", "norm", "other", "layers"};
    const GraphNode &node = *place.node;
    svg += fmt::format("<g class=\"node {}\" transform=\"translate({:.0f},{:.0f})\">", kClasses[node.kind],
                       place.x, place.y);
    if (!node.tooltip.empty())
      svg += "<title>" + escaped(node.tooltip) + "</title>";
    svg += fmt::format("<rect width=\"{:.0f}\" height=\"{:.0f}\" rx=\"6\"/>", place.width, place.height);
    double line = kPadding + 12;
    svg += fmt::format("<text class=\"title\" x=\"10\" y=\"{:.0f}\">{}</text>", line, escaped(node.title));
    for (const std::string &text : node.lines)
      svg += fmt::format("<text x=\"10\" y=\"{:.0f}\">{}</text>", line += kLineHeight, escaped(text));
    svg += "</g>\n";
  }

  const GraphFunction &function;
  std::vector<Place> places;
  std::vector<std::vector<size_t>> rows;
};

constexpr const char *kStyle = R"(
.node rect{stroke:#555;stroke-width:1;fill:#eee}
.input rect{fill:#fff;stroke-dasharray:4 3}.product rect{fill:#cfe3f7}.attention rect{fill:#fbdcc0}
.norm rect{fill:#d5ecd0}.layers rect{fill:#e8d9f3;stroke-width:2}
.node text,.name{font:12px system-ui,sans-serif;fill:#111}.node .title,.name{font-weight:bold}.name{font-size:16px}
.edge{fill:none;stroke:#777;stroke-width:1.4}
)";
constexpr const char *kArrow =
    R"(<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" )"
    R"(markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#777"/></marker></defs>)";

std::string costCells(const Cost &cost) {
  return fmt::format("<td>{}</td><td>{}</td><td>{}</td><td>{}</td>", withPrefix(cost.weightBytes, "B"),
                     withPrefix(cost.perToken, "FLOP"), withPrefix(cost.perTokenAndKey, "FLOP"),
                     withPrefix(cost.perRow, "FLOP"));
}

} // namespace

std::string attune::graphAsHtml(const Graph &graph) {
  std::string name = escaped(graph.name);
  std::string page =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" + name + "</title><style>" +
      kStyle +
      "body{font:14px system-ui,sans-serif;margin:2em}table{border-collapse:collapse}"
      "td,th{padding:.2em 1em;text-align:right;border-bottom:1px solid #ccc}td:first-child{text-align:left}"
      "svg{max-width:100%;height:auto}</style></head>\n<body><h1>" +
      name + "</h1>\n";
  page += "<p>T: tokens of a step. K: keys that a token sees. R: tokens whose logits are wanted. Weights "
          "count as they are stored in the "
          "model; a product costs two operations per multiplication. Point at a node to see its "
          "operation.</p>\n<table>"
          "<tr><th></th><th>weights</th><th>per token</th><th>per token and key</th><th>per row of "
          "logits</th></tr>\n";
  for (const GraphFunction &function : graph.functions)
    page += "<tr><td>" + escaped(function.title) + "</td>" + costCells(function.cost) + "</tr>\n";
  page += "</table>\n<p>Cache: " + withPrefix(graph.cacheBytesPerToken, "B") + " per token.</p>\n";
  for (const GraphFunction &function : graph.functions) {
    Drawing drawing(function);
    page += fmt::format("<h2>{0}</h2>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{1:.0f}\" "
                        "height=\"{2:.0f}\" viewBox=\"-4 -4 {1:.0f} {2:.0f}\">{3}\n{4}</svg>\n",
                        escaped(function.title), drawing.width + 8, drawing.height + 8, kArrow, drawing.svg);
  }
  return page + "</body></html>\n";
}

std::string attune::graphAsSvg(const Graph &graph) {
  constexpr double kMargin = 20, kHead = 46;
  std::string body;
  double left = kMargin, tallest = 0;
  for (const GraphFunction &function : graph.functions) {
    Drawing drawing(function);
    std::string summary = withPrefix(function.cost.weightBytes, "B") + ", " +
                          withPrefix(function.cost.perToken, "FLOP") + " per token";
    body += fmt::format(
        "<g transform=\"translate({:.0f},{:.0f})\"><text class=\"name\" y=\"-20\">{}: {}</text>\n{}</g>\n",
        left, kMargin + kHead, escaped(function.title), summary, drawing.svg);
    left += std::max(drawing.width, 400.0) + 2 * kMargin;
    tallest = std::max(tallest, drawing.height);
  }
  return fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
                     "viewBox=\"0 0 {0:.0f} {1:.0f}\">"
                     "<title>{2}</title><style>{3}</style>{4}\n{5}</svg>\n",
                     left, tallest + kHead + 2 * kMargin, escaped(graph.name), kStyle, kArrow, body);
}
