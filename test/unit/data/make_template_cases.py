# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes template_cases.json: what Jinja, set up as transformers sets it up, makes of the templates below.

    python make_template_cases.py        (needs the package jinja2)

A case is a name, a template, a context and either the text that it renders or the fact that it fails.
"""
import datetime
import json
import pathlib

import jinja2.exceptions
import jinja2.ext
import jinja2.nodes
import jinja2.sandbox

NOW = datetime.datetime(2024, 7, 26, 15, 4, 5)


class Generation(jinja2.ext.Extension):
    """transformers marks what the assistant says; for the text it is a block of its own."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        call = self.call_method("text", [])
        return jinja2.nodes.CallBlock(call, [], [], body).set_lineno(line)

    def text(self, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


ENVIRONMENT = jinja2.sandbox.ImmutableSandboxedEnvironment(
    trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
)
ENVIRONMENT.filters["tojson"] = tojson
ENVIRONMENT.globals["raise_exception"] = raise_exception
ENVIRONMENT.globals["strftime_now"] = NOW.strftime

CASES = []


def case(name, template, **context):
    result = {"name": name, "template": template, "context": context}
    try:
        result["expected"] = ENVIRONMENT.from_string(template).render(**context)
    except Exception as error:  # which Python error it is does not matter, that it fails does
        result["error"] = f"{type(error).__name__}: {error}"
    assert " at 0x" not in result.get("expected", ""), name  # an address: different in each run
    CASES.append(result)


def main():
    from template_cases_chat import chat_cases
    from template_cases_language import language_cases

    language_cases(case)
    chat_cases(case)
    names = [entry["name"] for entry in CASES]
    assert len(set(names)) == len(names), "two cases of one name"
    text = json.dumps(CASES, ensure_ascii=False, indent=1)
    pathlib.Path(__file__).with_name("template_cases.json").write_text(text + "\n", encoding="utf-8")
    failing = sum("error" in entry for entry in CASES)
    print(f"{len(CASES)} cases, {failing} of them errors")


if __name__ == "__main__":
    main()
