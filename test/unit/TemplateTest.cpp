// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/template/Template.h"

#include "runtime/Error.h"

#include <fstream>
#include <gtest/gtest.h>
#include <random>
#include <sstream>

using attune::Error;
using attune::jinja::Kind;
using attune::jinja::RenderOptions;
using attune::jinja::Template;
using attune::jinja::Value;

namespace {

/// The moment that the recorded cases take for now: Friday, 26 July 2024, 15:04:05.
RenderOptions recordedMoment() {
  std::tm now{};
  now.tm_year = 124, now.tm_mon = 6, now.tm_mday = 26, now.tm_hour = 15, now.tm_min = 4, now.tm_sec = 5;
  now.tm_wday = 5, now.tm_yday = 207;
  RenderOptions options;
  options.now = now;
  return options;
}

std::string render(std::string_view source, const Value &context = Value::dict({})) {
  return Template::parse(source, "test").render(context, recordedMoment());
}

std::string errorOf(std::string_view source, const Value &context = Value::dict({})) {
  try {
    return "rendered: " + render(source, context);
  } catch (const Error &error) {
    return error.what();
  }
}

std::string repeat(std::string_view text, int count) {
  std::string result;
  for (int i = 0; i < count; ++i)
    result += text;
  return result;
}

/// All cases recorded from Jinja itself: the same text, or an error where Jinja has one.
TEST(Template, RendersAsJinjaDoes) {
  std::ifstream file(ATTUNE_TEST_DATA "/unit/data/template_cases.json");
  std::stringstream text;
  text << file.rdbuf();
  Value cases = Value::fromJson(text.str(), "template_cases.json");
  ASSERT_GT(cases.items().size(), 880u);
  for (const Value &entry : cases.items()) {
    auto field = [&](const char *name) { return entry.asDict().findText(name); };
    SCOPED_TRACE(field("name")->asText());
    const std::string &source = field("template")->asText();
    if (const Value *expected = field("expected")) {
      std::string rendered;
      EXPECT_NO_THROW(rendered = render(source, *field("context")));
      EXPECT_EQ(rendered, expected->asText()) << source;
    } else {
      EXPECT_THROW(render(source, *field("context")), Error) << field("error")->asText() << "\n" << source;
    }
  }
}

TEST(Template, ErrorsNameTemplateLineAndColumn) {
  EXPECT_EQ(errorOf("a\n  {{ x.y }}"), "test:2:8: 'x' is undefined");
  EXPECT_EQ(errorOf("é {{ 1 / 0 }}"), "test:1:8: division by zero");
  EXPECT_EQ(errorOf("{% for x in [] %}\n\n"), "test:1:4: 'for' has no end, expected '{% endfor %}'");
  EXPECT_EQ(errorOf("{{ raise_exception('roles must alternate') }}"), "test:1:4: roles must alternate");
  EXPECT_EQ(errorOf("{{ 'a' + 1 }}"), "test:1:8: can only concatenate str (not \"int\") to str");
  EXPECT_EQ(errorOf("{{ 1 + }}"), "test:1:8: expected an expression, found '}}'");
  EXPECT_EQ(errorOf("{{ {}.a.b }}"), "test:1:9: 'dict object' has no attribute 'a'");
}

TEST(Template, WhatIsNotSupportedIsNamed) {
  EXPECT_EQ(errorOf("{{ 1|pprint }}"), "test:1:6: the filter 'pprint' is not supported");
  EXPECT_EQ(errorOf("{{ 1 is nosuch }}"), "test:1:9: the test 'nosuch' is not supported");
  EXPECT_EQ(errorOf("{% include 'a' %}"), "test:1:4: the tag 'include' is not supported");
  EXPECT_EQ(errorOf("{% for x in y recursive %}{% endfor %}"),
            "test:1:15: a 'recursive' loop is not supported");
  EXPECT_EQ(errorOf("{{ [].append(1) }}"), "test:1:7: 'append' changes its list, which templates may not do");
  EXPECT_EQ(errorOf("{{ '{:>5}'.format(1) }}"), "test:1:12: the format field '{:>5}' is not supported");
  EXPECT_EQ(errorOf("{{ cycler(1) }}"), "test:1:4: 'cycler' is undefined");
  EXPECT_EQ(errorOf("{{ 9223372036854775807 + 1 }}"), "test:1:24: the result of + does not fit into 64 bits");
}

TEST(Template, InputThatIsNoTemplateOrContext) {
  EXPECT_EQ(errorOf("a\xff"), "test: the template is not valid UTF-8");
  EXPECT_EQ(errorOf("x", Value::list({})), "test: the context is a list, expected a dict");
  EXPECT_THROW(Template::parse(std::string(9 << 20, 'a'), "big"), Error);
}

/// Hostile templates end in an error that says why, soon and without exhausting the stack or the memory.
TEST(Template, NestingIsLimited) {
  for (const std::string &source :
       {"{{ " + repeat("(", 20000) + repeat(")", 20000) + " }}",
        "{{ " + repeat("[", 20000) + repeat("]", 20000) + " }}", "{{ " + repeat("-", 20000) + "1 }}",
        "{{ " + repeat("not ", 20000) + "1 }}", "{{ " + repeat("1 + ", 20000) + "1 }}",
        "{{ x" + repeat(".a", 20000) + " }}", "{{ x" + repeat("|list", 20000) + " }}",
        "{{ " + repeat("1 if 1 else ", 20000) + "1 }}",
        "{{ " + repeat("{1:", 20000) + repeat("}", 20000) + " }}", repeat("{% if 1 %}", 20000),
        repeat("{% for x in y %}", 20000), repeat("{% macro a() %}", 20000),
        "{% set " + repeat("(", 20000) + repeat(")", 20000) + " %}", "{{ f" + repeat("()", 20000) + " }}",
        "{{ f" + repeat("(f", 20000) + repeat(")", 20000) + " }}",
        "{{ x" + repeat(" is none(1)|d", 20000) + " }}"}) {
    std::string error = errorOf(source);
    EXPECT_TRUE(error.find(" levels") != std::string::npos ||
                error.find("cannot follow") != std::string::npos)
        << source.substr(0, 30) << ": " << error.substr(0, 100);
  }
}

TEST(Template, WorkIsLimited) {
  auto limited = [](std::string_view source) {
    RenderOptions options;
    options.maxSteps = 1'000'000; // less than by default, so that the test ends soon
    std::string error;
    try {
      error = "rendered " + Template::parse(source, "test").render(Value::dict({}), options).substr(0, 200);
    } catch (const Error &thrown) {
      error = thrown.what();
    }
    EXPECT_TRUE(error.find("steps of work") != std::string::npos ||
                error.find(" longer than ") != std::string::npos ||
                error.find("more than") != std::string::npos ||
                error.find("above 10000") != std::string::npos)
        << source << ": " << error;
  };
  limited("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}");
  limited("{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}");
  limited("{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}");
  limited("{{ 'a' * 999999999999 }}");
  limited("{{ [1] * 999999999999 }}");
  limited("{% set ns = namespace(s='abcdefgh') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% "
          "endfor %}");
  limited("{% set ns = namespace(s=[1]) %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}");
  limited("{% set ns = namespace(s=[1]) %}{% for i in range(99) %}{% set ns.s = [ns.s, ns.s] %}{% endfor "
          "%}{{ ns.s }}");
  limited("{% set ns = namespace(s=1) %}{% for i in range(99999) %}{% set ns.s = [ns.s] %}{% endfor %}{{ "
          "ns.s }}");
  limited(
      "{% set ns = namespace(s=1) %}{% for i in range(99999) %}{% set ns.s = {'a': ns.s}.get %}{% endfor %}");
  limited("{% set a = 'aaaaaaaaaa' * 100000 %}{{ a.replace('a', a) }}");
  limited("{% set a = 'aaaaaaaaaa' * 100000 %}{{ a|join(a) }}");
  limited("{{ 'a'|center(99999999999) }}");
  limited("{{ 'a\nb'|indent(99999999999) }}");
  limited("{{ '%99999999d' % 1 }}");
  limited("{% set l = range(99999)|list %}{% for i in l %}{{ i in l }}{{ l == l|list }}{% endfor %}");
  limited("{% set l = range(99999)|list %}{% for i in l %}{{ l|sort|length }}{% endfor %}");
}

TEST(Template, WorkIsLimitedByDefault) {
  EXPECT_EQ(errorOf("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"),
            "test:1:40: the template does more than 20000000 steps of work");
}

TEST(Template, CyclesNeitherLeakNorHang) {
  EXPECT_EQ(render("{% set ns = namespace() %}{% set ns.me = ns %}{% set ns.list = [ns] %}{{ "
                   "ns.me.me.list[0].me is defined }}"),
            "True");
  EXPECT_EQ(render("{% set ns = namespace() %}{% for x in [1] %}{% set ns.loop = loop %}{{ "
                   "loop.changed(loop) }}{% endfor %}"),
            "True");
  EXPECT_EQ(errorOf("{% set ns = namespace() %}{% for x in [1] %}{% set ns.loop = loop %}{% endfor %}{{ "
                    "ns.loop.index }}"),
            "test:1:92: 'loop' is used after its loop has ended");
  EXPECT_EQ(render("{% macro m() %}a{% endmacro %}{% set ns = namespace(m=m) %}{{ ns.m() }}"), "a");
}

/// Whatever the bytes, parsing and rendering end with text or an Error.
TEST(Template, RandomTemplatesNeverCrash) {
  const char *pieces[] = {
      "{{",     "}}",       "{%",      "%}",       "{#",      "#}",        "-",         "+",      "if",
      "else",   "endif",    "for",     "x",        "in",      "endfor",    "set",       "=",      "macro",
      "m",      "(",        ")",       "endmacro", "'a'",     "\"",        "1",         "2.5",    "[",
      "]",      "{",        "}",       ":",        ",",       ".",         "|",         "list",   "join",
      "is",     "not",      "defined", "*",        "**",      "~",         "raw",       "endraw", " ",
      "\n",     "messages", "[0]",     "loop",     "index",   "namespace", "range",     "é",      "\\",
      "tojson", "sort",     "map",     "call",     "endcall", "filter",    "endfilter", "with",   "endwith",
      "upper",  "%",        "//",      "<",        "=="};
  Value context = Value::fromJson(R"({"messages": [{"role": "user", "content": "hi"}], "x": 3})");
  std::mt19937 random(1);
  for (int round = 0; round < 20000; ++round) {
    std::string source = random() % 2 ? "{{ " : "{% ";
    for (unsigned length = random() % 14; length > 0; --length)
      source += pieces[random() % std::size(pieces)] + std::string(random() % 2, ' ');
    source += random() % 2 ? " }}" : " %}";
    try {
      render(source, context);
    } catch (const Error &) {
    }
  }
}

TEST(Value, ReadsAndWritesJson) {
  const char *json = R"({"b": [1, -2, 2.5, 1e+30, true, false, null, "é\n"], "a": {}, "c": []})";
  EXPECT_EQ(toJson(Value::fromJson(json)),
            R"({"b": [1, -2, 2.5, 1e+30, true, false, null, "é\n"], "a": {}, "c": []})");
  EXPECT_EQ(toJson(Value::fromJson(R"({"a": 1, "b": 2, "a": 3})")), R"({"a": 3, "b": 2})") << "as in Python";
  EXPECT_EQ(toJson(Value::fromJson(" 5 ")), "5");
}

TEST(Value, BadJsonIsAnError) {
  for (const char *json : {"", "{", "[1,", "{\"a\"}", "nul", "1 2", "\"\xff\"", "18446744073709551615",
                           "99999999999999999999999"})
    EXPECT_THROW(Value::fromJson(json, "tools"), Error) << json;
  try {
    Value::fromJson("[1, 2", "tools.json");
    FAIL();
  } catch (const Error &error) {
    EXPECT_TRUE(std::string(error.what()).starts_with("tools.json: ")) << error.what();
  }
  EXPECT_THROW(Value::fromJson(repeat("[", 1000000)), Error);
  EXPECT_THROW(Value::fromJson(repeat("{\"a\":", 1000000)), Error);
}

} // namespace
