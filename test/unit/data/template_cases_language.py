# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Cases of the language, part by part. A template's lines that are independent stand in one case."""


def each(case, name, expressions, **context):
    """A case for each expression: one that fails must not hide the others."""
    for number, expression in enumerate(expressions):
        case(f"{name} {number}: {expression}", "{{ " + expression + " }}", **context)


def language_cases(case):
    # White space
    case("trim_blocks", "a\n{% if true %}\nb\n{% endif %}\nc\n")
    case("lstrip_blocks", "a\n   {% if true %}\n  b\n\t {% endif %}\n  c {% if true %} d{% endif %} \n")
    case("no lstrip before output", "a\n   {{ 1 }}\n   b")
    case("output keeps the newline", "{{ 1 }}\n{{ 2 }}\n\n")
    case("minus", "a \n\n {%- if true -%} \n b \n {%- endif -%} \n c \n {{- 1 -}} \n d {#- x -#} \n e")
    case("plus", "a\n   {%+ if true +%}\n  b\n   {%+ endif %}\n c {#+ x +#}\n d")
    case("comments", "a\n  {# one #}\nb {# two\n lines #} c{##}d{# {{ x }} {% if %} #}e")
    case("raw", "{% raw %}\n {{ x }} {% if %}\n {# #} {% endraw %}\nb{%- raw -%}  {{ y }}  {%- endraw -%}  c")
    case("trailing newline", "a\n\n")
    case("one trailing newline", "a\n")
    case("only a newline", "\n")
    case("empty", "")
    case("carriage returns", "a\r\n{% if true %}\r\nb\r{% endif %}\r\nc\r\n")
    case("braces in text", "{ } {a} {{ '{' }} }} %} #} { { {")
    case("nested braces", "{{ {'a': {'b': {}}}['a'] }}{{ {} }}{{{'a':1}}}")
    case("tag at the beginning", "   {% set x = 1 %}\n  {{ x }}")
    case("tag after tag", "{% set x = 1 %}   {% set y = 2 %}\n   {% set z = 3 %}{{ x }}{{ y }}{{ z }}")
    case("block after comment", "{# c #}\n  {% set x = 1 %}\n{{ x }}")
    case("newline in tag", "{%\n if\n true\n%}\nx{% endif\n%}y{{\n1\n}}")

    # Literals
    each(case, "literal", [
        "1", "1_000", "0x1F", "0b101", "0o17", "1.5", "1e3", "1.5e-7", "2E+5", "1_0.0_1", "true", "True", "none", "None",
        "false", "'a' 'b' \"c\"", r"'a\n\t\\\'\"\x41\u00e9\U0001F600\101\q'", "'é😀'", "[]", "[1, 'a', none,]", "()",
        "(1,)", "(1, 2)", "1, 2", "{}", "{'a': 1, 'b': [2], 3: none}", "{'a': 1, 'a': 2}", "'it\\'s'", "['it\\'s', '\"', '\\'\"']",
        "['\\n\\t\\x00\\x7f é \\u200b 😀']", "9223372036854775807", "{1: 'a', 1.0: 'b', true: 'c'}", "'a\\\nb'", "00", "1 if",
        "'", "a b", "1 +", "[1, 2", "{'a' 1}", "(1]", "{[]: 1}", "1..2", "$", "a.", "foo(", "'a'.1",
    ])
    # How numbers print
    each(case, "float", [
        "1.0", "0.1", "100.0", "1e15", "1e16", "123456789012345680.0", "1e-4", "1e-5", "0.00012345", "1.0e100", "3.14159",
        "-0.0", "1/3", "2.5e-10", "1e22", "5e-324", "1.7976931348623157e308", "'inf'|float", "-('inf'|float)", "'nan'|float",
        "7/2", "4/2", "0.1 + 0.2", "100000000000000000000.0",
    ])
    # Arithmetic
    each(case, "arithmetic", [
        "1 + 2 * 3", "(1 + 2) * 3", "7 // 2", "-7 // 2", "7 // -2", "7 % 3", "-7 % 3", "7 % -3", "7.5 // 2", "-7.5 % 2",
        "7 / 2", "2 ** 10", "2 ** -1", "2 ** 3 ** 2", "-2 ** 2", "2.0 ** 0.5", "1 - -1", "+5", "- - 5", "true + true",
        "1 / 0", "1 // 0", "1 % 0", "1.0 / 0", "1.5 // 0", "0 ** -1", "1 + 'a'", "'a' + 1", "'a' + none", "'a' * 3", "3 * 'ab'", "'a' * -1",
        "[1] + [2]", "[1] * 2", "(1,) + (2,)", "[1] + (2,)", "'a' - 'b'", "{} + {}", "-'a'", "1 ~ 2", "1 ~ none ~ true ~ 'a' ~ 1.0",
        "x + 1", "1 ~ x", "'a' ~ x ~ 'b'", "10 - 2 - 3", "100 / 10 / 2", "1 + 2 ~ 3", "2 * 3 ~ 4", "-1|abs", "-x|default(3)",
        "'%s is %d years, %.2f%% %r %5d|%-5s|%05d %x %+d %e' % ('a', 3, 1.5, 'q', 42, 'ab', 42, 255, 7, 12345.678)", "'%s' % 'one'", "'%s %s' % ('a',)", "'%d' % 'a'",
        "'%(a)s' % {'a': 1}", "'%s' % [1, 2]", "7 // 0.5", "1e308 * 10", "5 % 3.5", "-5 % 3.5", "0 * -1.0", "'%5.1f|%-8s|%08.3f|%s' % (2.25, 'é', -3.14159, none)",
    ])
    # Comparison and logic
    each(case, "logic", [
        "1 < 2 < 3", "1 < 3 < 2", "1 == 1.0", "1 == true", "'1' == 1", "1 != 2", "'a' < 'b'", "'a' < 'B'", "[1, 2] < [1, 3]", "(1, 2) == [1, 2]",
        "1 < 'a'", "none < 1", "[1] < 1", "'a' in 'cat'", "'x' not in 'cat'", "1 in [1, 2]", "1 in {'a': 1}", "'a' in {'a': 1}", "1 in 'a'", "1 in 5",
        "x in [1]", "1 in x", "'a' in x", "not true", "not x", "not 1 == 2", "true and 'b'", "0 and 'b'", "'a' or 'b'", "'' or 0", "none or x or 'z'",
        "1 if true else 2", "1 if false else 2", "1 if false", "'a' if x else 'b' if y else 'c'", "(1 if false) is defined", "x == y", "x == none", "x is defined and x.y",
        "{'a': [1]} == {'a': [1.0]}", "{'a': 1, 'b': 2} == {'b': 2, 'a': 1}", "2 > 1 >= 1", "1 <= 0", "'é' > 'z'", "none == none", "none is none and none == false",
        "1 in (1, 2)", "not 'a' in 'abc'", "'' in 'abc'", "true > false", "1 < x", "[] == []", "1 == 1 == 1", "1 in [2] or 3 in [3]", "range(3) == range(3)",
    ])
    # Tests
    each(case, "test", [
        "1 is defined", "x is defined", "x is undefined", "d.a is defined", "d.z is defined", "d['z'] is undefined", "none is none", "0 is none", "x is none",
        "'a' is string", "1 is string", "{} is mapping", "[] is mapping", "[] is iterable", "'a' is iterable", "1 is iterable", "x is iterable", "none is iterable", "{} is iterable",
        "[] is sequence", "'a' is sequence", "{} is sequence", "1 is sequence", "(1,) is sequence", "x is sequence", "d.items() is sequence", "d.items() is iterable",
        "1 is number", "1.5 is number", "true is number", "'1' is number", "1 is integer", "true is integer", "1.0 is integer", "1.0 is float", "1 is float", "true is boolean", "1 is boolean",
        "true is true", "1 is true", "false is false", "0 is false", "1 is eq 1", "1 is equalto(1.0)", "1 is ne 2", "1 is in [1, 2]", "3 is not in [1]", "1 is lt 2", "1 is gt(2)", "2 is ge 2", "2 is le 1",
        "9 is divisibleby 3", "9 is divisibleby(2)", "3 is odd", "3 is even", "'a' is lower", "'A' is upper", "'Ab' is upper", "'1' is lower", "1 is not string", "not 1 is string",
        "1 is foo", "x.y is defined", "'a' is odd", "1 + 1 is none", "raise_exception is callable", "1 is callable", "1 is sameas 1", "[] is sameas []", "'upper' is filter", "'nope' is filter", "'odd' is test",
        "(1 is defined) is true", "1 is eq(1) and 2 is eq(2)", "[1, 2] is eq [1, 2]", "5 is gt 3 or false", "d is mapping and d.a is number", "1.5 is odd", "'x' is escaped",
    ], d={"a": 1})
    # Attributes and subscripts
    each(case, "lookup", [
        "d.a", "d['a']", "d.b.c", "d['b']['c']", "d.b.c[0]", "d.b.c[-1]", "d.b.c[5]", "d.b.c.1", "d.none_value", "d.none_value.x", "d.missing", "d.missing.x",
        "d.keys()|list", "d.get('a')", "d.get('z')", "d.get('z', 5)", "d.get(default=1, key='a')", "x.y", "x['y']", "x[0]", "none.a", "none[0]", "none[1:]", "5 .a", "5[0]", "'abc'[0]", "'abc'[-1]", "'abc'[9]", "'héé😀'[3]", "'abc'.0",
        "d[[]]", "d[1]", "[1,2]['a']", "'abc'['upper']()", "d.__class__", "d._x", "d['_x']", "'a'.__class__", "d.b.c.append(1)", "d.update({'q': 1})", "d.pop('a')", "d.b.c.append", "d.clear is defined", "d.setdefault('a', 1)",
        "(1, 2)[0]", "(1,2).index(2)", "[3, 4].index(4)", "[3, 4].index(5)", "[1, 1].count(1)", "d.copy()", "(d.b)['c']", "d.1", "d['1']", "d[none]", "d.items()[0]", "[1,2][true]", "[1, 2][1.0]", "d.values() | list | length",
        "d.items()|length", "d.items()", "d.keys()", "d.values()", "'a' in d.keys()", "1 in d.values()", "('a', 1) in d.items()",
    ], d={"a": 1, "b": {"c": [1, 2, 3]}, "none_value": None, "_x": 7, "1": "one"})
    case("a key named like a method", "{{ d.items is callable }}|{{ d['items'] }}|{{ d.get is callable }}|{{ d['get'] }}", d={"items": 3, "get": 4})
    # Slices
    each(case, "slice", [
        "a[1:]", "a[:2]", "a[1:3]", "a[-2:]", "a[:-1]", "a[::2]", "a[::-1]", "a[3:1:-1]", "a[10:]", "a[:10]", "a[-10:2]", "a[2:1]", "a[none:2]", "a[::0]", "a['x':]", "s[1:3]", "s[::-1]", "s[-2:]", "s[:1]", "s[5:]",
        "(1, 2, 3)[1:]", "range(5)[1:3]", "range(10)[::3]", "x[1:]", "5[1:]", "{}[1:]", "a[0:2][1]", "a[1:][0]", "a[x:]", "a[-1:-4:-1]", "a[:]", "a[4:0:-2]", "messages[1:]|length",
    ], a=[0, 1, 2, 3, 4], s="héllo😀", messages=[1, 2, 3])
    # Text methods
    each(case, "str method", [
        "s.upper()", "s.lower()", "s.title()", "s.capitalize()", "s.swapcase()", "s.strip()", "s.lstrip()", "s.rstrip()", "'xxaxx'.strip('x')", "'xyaxy'.lstrip('xy')", "'a\\n'.rstrip('\\n')", "'éaé'.strip('é')",
        "'a b  c'.split()", "' a b '.split(' ')", "'a,b,c'.split(',')", "'a,b,c'.split(',', 1)", "'a,b,c'.rsplit(',', 1)", "'a b  c '.split(none, 1)", "' a b  c '.rsplit(none, 1)", "'abc'.split('')", "''.split()", "''.split(',')", "'a<x>b<x>'.split('<x>')[-1]", "'a,b'.split(sep=',', maxsplit=1)",
        "'a\\nb\\r\\nc\\n'.splitlines()", "'a\\nb'.splitlines(true)", "'abc'.startswith('ab')", "'abc'.startswith(('x', 'a'))", "'abc'.endswith('bc')", "'abc'.startswith('b', 1)", "'abc'.endswith('b', 0, 2)", "'abc'.startswith(1)", "'abc'.find('c')", "'abc'.find('x')", "'éabc'.find('c')", "'abcabc'.rfind('b')", "'abcabc'.find('b', 2)", "'abc'.index('c')", "'abc'.index('x')",
        "'banana'.count('an')", "'banana'.count('')", "'banana'.replace('a', 'o')", "'banana'.replace('a', 'o', 1)", "'abc'.replace('', '-')", "'abc'.replace('', '-', 2)", "'abc'.replace('b')", "'-'.join(['a', 'b'])", "'-'.join([1])", "'-'.join('abc')", "''.join([])",
        "'a-b'.partition('-')", "'a-b-c'.rpartition('-')", "'ab'.partition('x')", "'abc'.removeprefix('a')", "'abc'.removesuffix('bc')", "'a'.ljust(3) ~ '|'", "'a'.rjust(3, '.')", "'ab'.center(5, '*')", "'abc'.center(6, '*')", "'-5'.zfill(4)",
        "'1'.isdigit()", "'a1'.isalnum()", "'a'.isalpha()", "' '.isspace()", "'A'.isupper()", "'a'.islower()", "''.isdigit()", "'{} {}'.format(1, 'a')", "'{0}{1}{0}'.format('a', 'b')", "'{name}'.format(name=1)", "'{{}}'.format()", "'{}'.format()", "'{a.b}'.format(a={'b': 1})", "'{0[a]}'.format({'a': 1})",
        "'ß'.upper()", "'ÀÉ'.lower()", "'they\\'re bill\\'s'.title()", "'abc'.nosuch()", "'abc'.upper(1)", "('a' ~ 'b').upper()", "'a'.join(['x','y']).upper()", "'ABC'.casefold()", "'A b-c'.title()",
    ], s="  hello WORLD  ")
    # Filters on text
    each(case, "text filter", [
        "' a '|trim", "'xxaxx'|trim('x')", "none|trim", "5|trim", "x|trim", "'abc'|upper", "'ABC'|lower", "1|upper", "'hello world-foo (bar) it\\'s'|title", "'hELLO'|capitalize", "'éa'|capitalize",
        "'banana'|replace('a', 'o')", "'banana'|replace('a', 'o', 2)", "1|replace(1, 2)", "'abc'|replace('b')", "[1, 2]|join", "[1, 2]|join(', ')", "['a', none, true, 1.5]|join('-')", "x|join", "[{'a': 1}, {'a': 2}]|join(',', attribute='a')", "'abc'|join('-')", "{'a': 1, 'b': 2}|join", "5|join",
        "1|string", "none|string", "[1]|string", "'a'|string", "x|string", "'a'|safe", "1|safe", "'a\\nb\\n\\nc'|indent", "'a\\nb'|indent(2)", "'a\\nb'|indent(2, true)", "'a\\n\\nb'|indent(2, blank=true)", "'a\\nb'|indent('> ', first=true)", "''|indent", "'a\\n'|indent", "5|indent", "'a'|indent(width=8, first=True)",
        "'ab'|center(6)", "'foo bar baz qux'|truncate(9)", "'foo bar baz qux'|truncate(9, true)", "'foo bar baz qux'|truncate(11)", "'foo bar baz qux'|truncate(11, false, '...', 0)", "'a b  c'|wordcount", "'<a href=\"x\">\\'&'|e", "'%s-%s'|format(1, 'a')", "'%(a)s'|format(a=1)", "'abc'|length", "'é😀'|count", "'abc'|reverse", "'abc'|first", "'abc'|last", "'abc'|list",
        "'abc'|nosuch", "'abc'|upper|lower|title", "'a'|upper()", "'a'|upper(1)", "'x' if false else 'y'|upper", "('a' ~ 'b')|upper", "'a' ~ 'b'|upper", "1 + 2|string|length", "-5|string",
    ])
    # tojson
    each(case, "tojson", [
        "d|tojson", "d|tojson(indent=2)", "d|tojson(indent=4)", "d|tojson(indent=0)", "d|tojson(indent='\\t')", "d|tojson(separators=(',', ':'))", "d|tojson(sort_keys=true)", "d|tojson(ensure_ascii=true)", "d|tojson(true)", "[]|tojson(indent=2)", "{}|tojson(indent=2)", "[[], {}, [1]]|tojson(indent=2)", "d|tojson(indent=2, separators=(', ', ' : '))",
        "'<a> & \\'b\\' \"c\" \\\\ \\n\\t\\r\\x01\\x7f é 😀 \\u2028'|tojson", "none|tojson", "true|tojson", "1.0|tojson", "1e20|tojson", "1e-7|tojson", "(1, 2)|tojson", "{1: 2, none: 3, true: 4, 1.5: 5}|tojson", "x|tojson", "range(3)|tojson", "d.items()|tojson", "[x]|tojson", "{(1, 2): 3}|tojson", "[1]|map('string')|tojson", "raise_exception|tojson", "'é😀'|tojson(ensure_ascii=True)", "('nan'|float)|tojson", "('inf'|float)|tojson", "d|tojson(nope=1)", "'a'|tojson|length",
    ], d={"name": "f", "é": [1, 2.5, None, True], "b": {"z": "<x>", "a": {}}, "e": []})
    # Numbers
    each(case, "number filter", [
        "'42'|int", "'4.7'|int", "'x'|int", "'x'|int(-1)", "4.7|int", "-4.7|int", "true|int", "none|int", "[]|int", "x|int", "' 12 '|int", "'1_000'|int", "'0x1A'|int(base=16)", "'ff'|int(0, 16)", "'0b11'|int(base=2)", "'1e3'|int", "'inf'|int", "'+5'|int", "'--5'|int", "''|int",
        "'1.5'|float", "'x'|float", "'x'|float(2.5)", "1|float", "none|float", "'1e5'|float", "' 2 '|float", "'inf'|float", "x|float", "'1_0.5'|float", "'0x10'|float", "-5|abs", "(-5)|abs", "(-2.5)|abs", "'a'|abs", "true|abs",
        "42.55|round", "42.55|round(1)", "42.55|round(1, 'floor')", "42.51|round(0, 'ceil')", "2.5|round", "3.5|round", "0.5|round", "2.675|round(2)", "5|round", "5|round(1, 'ceil')", "1234.5|round(-2)", "1250|round(-2)", "'a'|round", "1.5|round(method='x')", "42.55|round|int", "(-2.5)|round", "1e300|round(2)",
        "[3, 1, 2]|max", "[3, 1, 2]|min", "[]|max", "['b', 'A', 'c']|min", "['b', 'A', 'c']|max(case_sensitive=true)", "[{'a': 3}, {'a': 1}]|max(attribute='a')", "[1, 'a']|max", "[1, 2, 3.5]|sum", "[]|sum", "[{'a': 1}, {'a': 2}]|sum(attribute='a')", "[1]|sum(start=10)", "['a']|sum", "[[1], [2]]|sum(start=[])", "x|sum", "'abc'|max",
    ])
    # Lists and dicts
    each(case, "list filter", [
        "a|length", "a|count", "d|length", "x|length", "5|length", "none|length", "a|first", "a|last", "[]|first", "[]|last", "d|first", "d|last", "x|first", "x|last", "5|first", "a|list", "d|list", "x|list", "5|list", "a|reverse|list", "d|reverse|list", "a|reverse|first",
        "a|sort", "a|sort(reverse=true)", "['b', 'A', 'c']|sort", "['b', 'A', 'c']|sort(case_sensitive=true)", "u|sort(attribute='age')|map(attribute='name')|list", "u|sort(attribute='age,name')|map(attribute='name')|join(',')", "u|sort(attribute='age', reverse=true)|map(attribute='name')|join(',')", "[1, 'a']|sort", "d|sort", "'bca'|sort",
        "d|dictsort", "d|dictsort(reverse=true)", "d|dictsort(false, 'value')", "d|dictsort(by='value')", "d|dictsort(by='x')", "{'b': 1, 'A': 2}|dictsort", "{'b': 1, 'A': 2}|dictsort(true)", "[1]|dictsort", "[1, 2, 1, 'a', 'A']|unique|list", "['a', 'A']|unique(true)|list", "u|unique(attribute='age')|map(attribute='name')|list", "[[1], [1]]|unique|list",
        "d|items|list", "x|items|list", "a|items|list", "[1,2,3,4,5]|batch(2)|list", "[1,2,3]|batch(2, 0)|list",
        "u|map(attribute='name')|list", "u|map(attribute='nope')|list", "u|map(attribute='nope', default='?')|list", "u|map(attribute='more.k')|list", "['a', 'b']|map('upper')|list", "['a']|map('replace', 'a', 'b')|list", "[1, 2]|map('string')|join", "a|map|list", "a|map('nope')|list", "[[1, 2]]|map(attribute=0)|list", "x|map('upper')|list", "none|map('upper')|list", "5|map('upper')|list", "[' a ']|map('trim')|list", "[1]|map(attribute='a', b=1)|list",
        "a|select('odd')|list", "a|select|list", "[0, 1, none]|select|list", "a|reject('odd')|list", "a|select('gt', 1)|list", "a|select('in', [1, 2])|list", "u|selectattr('active')|map(attribute='name')|list", "u|selectattr('age', 'eq', 30)|map(attribute='name')|list", "u|rejectattr('age', 'equalto', 30)|map(attribute='name')|list", "u|selectattr('more', 'defined')|list|length", "u|selectattr('name', '==', 'bob')|first", "u|selectattr('nope')|list", "u|rejectattr('active')|list|length", "u|selectattr('name', 'in', ['bob', 'eve'])|list|length", "a|select('nope')|list", "u|selectattr|list",
        "a|select('odd')|length", "(a|select('odd')) is defined", "a|select('odd')|first", "(a|select('odd'))[0]", "a|default(1)", "x|default(1)", "x|d", "none|default(1)", "none|default(1, true)", "''|default('z', boolean=true)", "x.y|default(1)", "d.zz|default([])|length", "d|attr('a')", "d|attr('get') is callable",
        "range(5)|list", "range(2, 5)|list", "range(10, 0, -3)|list", "range(0)|list", "range(5)", "range(1, 10, 2)", "range(5)|length", "range(5)[2]", "range(200000)", "range(1, 2, 0)", "range()", "range('a')", "range(-3)|list", "3 in range(5)", "dict(a=1, b=2)", "dict({'a': 1}, b=2)", "dict([('a', 1)])", "namespace(a=1).a", "namespace({'a': 1}, b=2).b",
        "namespace(a=1).zz", "a|map('string')|select|list", "a|sum + 1", "(a + [9])|last", "a|join(',')|upper", "[[1, 2], [3]]|sum(start=[])|length",
    ], a=[3, 1, 2], d={"b": 2, "a": 1, "c": 3}, u=[
        {"name": "bob", "age": 30, "active": True, "more": {"k": 1}}, {"name": "al", "age": 30, "active": False}, {"name": "eve", "age": 20, "active": True}])
    case("iterators run out", "{% set g = [1, 2, 3]|map('string') %}{{ g|join }}|{{ g|join }}|{{ g|list }}{% if g %}true{% endif %}")
    case("an iterator by parts", "{% set g = [1, 2, 3, 4]|select %}{{ g|first }}{{ 3 in g }}{{ g|list }}")

    # Statements
    case("if", "{% for n in [1, 2, 3, 4] %}{% if n == 1 %}one{% elif n == 2 %}two{% elif n == 3 %}three{% else %}many{% endif %} {% endfor %}")
    case("if undefined", "{% if x %}a{% else %}b{% endif %}{% if x.y %}c{% endif %}")
    case("for and else", "{% for x in [] %}a{% else %}b{% endfor %}{% for x in [1] %}a{% else %}b{% endfor %}{% for x in nope %}a{% else %}c{% endfor %}")
    case("for with if", "{% for x in [1, 2, 3, 4] if x is even %}{{ loop.index }}/{{ loop.length }}:{{ x }}{{ ',' if not loop.last }}{% else %}none{% endfor %}{% for x in [1] if x > 1 %}a{% else %}none{% endfor %}")
    case("loop variables", "{% for x in 'abc' %}{{ loop.index }} {{ loop.index0 }} {{ loop.revindex }} {{ loop.revindex0 }} {{ loop.first }} {{ loop.last }} {{ loop.length }} {{ loop.depth }} {{ loop.depth0 }} {{ loop.cycle('x', 'y') }} {{ loop.previtem }} {{ loop.nextitem }} {{ loop.nope }};{% endfor %}")
    case("loop.previtem of the first", "{% for x in [1] %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }}{{ loop.previtem.x }}{% endfor %}")
    case("loop.changed", "{% for x in [1, 1, 2, 2, 1] %}{{ loop.changed(x) }} {% endfor %}")
    case("nested loops", "{% for x in [1, 2] %}{% set outer = loop %}{% for y in [1, 2] %}{{ outer.index }}{{ loop.index }}{{ x }}{{ y }} {% endfor %}{{ loop.index }};{% endfor %}{{ loop is defined }}")
    case("unpacking", "{% for a, b in [[1, 2], (3, 4), 'xy'] %}{{ a }}{{ b }} {% endfor %}{% for k, v in {'a': 1}.items() %}{{ k }}={{ v }}{% endfor %}{% for (a, (b, c)) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}")
    case("unpacking too few", "{% for a, b in [[1]] %}{% endfor %}")
    case("unpacking too many", "{% set a, b = [1, 2, 3] %}")
    case("for over a dict", "{% for k in {'a': 1, 'b': 2} %}{{ k }}{% endfor %}{% for c in 'hé😀' %}{{ c }}.{% endfor %}")
    case("for over a number", "{% for x in 5 %}{% endfor %}")
    case("for over none", "{% for x in none %}{% endfor %}")
    case("for over a tuple without parentheses", "{% for x in 1, 2, 3 %}{{ x }}{% endfor %}")
    case("break and continue", "{% for x in range(10) %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 5 %}{% break %}{% endif %}{{ x }}{% endfor %}{% for x in [1, 2] %}{% for y in [1, 2] %}{% break %}{% endfor %}{{ x }}{% endfor %}")
    case("break outside", "{% break %}")
    case("scopes of loops", "{% set x = 1 %}{% for i in [1, 2] %}{{ x }}{% set x = x + 1 %}{{ x }} {% endfor %}{{ x }}{{ i is defined }}")
    case("scopes of ifs", "{% if true %}{% set x = 5 %}{% endif %}{{ x }}{% if false %}{% set y = 1 %}{% endif %}{{ y is defined }}")
    case("a context variable set in a loop", "{% for i in [1, 2] %}{% if i == 2 %}{% set v = 'new' %}{% endif %}{{ v }}{% endfor %}{{ v }}", v="old")
    case("namespace", "{% set ns = namespace(found=false, n=0) %}{% for x in [1, 2, 3] %}{% set ns.n = ns.n + x %}{% if x == 2 %}{% set ns.found = true %}{% endif %}{% endfor %}{{ ns.n }}{{ ns.found }}{% set ns.new = [1] %}{{ ns.new }}{{ ns['n'] }}")
    case("assigning to a dict's attribute", "{% set d = {} %}{% set d.a = 1 %}")
    case("set tuple", "{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set t = 1, 2 %}{{ t }}{% set (c, d) = 'xy' %}{{ c }}{{ d }}")
    case("set block", "{% set x %}a{{ 1 + 1 }}\n{% endset %}[{{ x }}]{% set y | upper | trim %}  abc {% endset %}[{{ y }}]{% set ns = namespace() %}{% set ns.x %}q{% endset %}{{ ns.x }}")
    case("set block scope", "{% set x %}{% set inner = 1 %}{{ inner }}{% endset %}{{ x }}{{ inner is defined }}")
    case("macros", "{% macro m(a, b=2, c=a) %}{{ a }}-{{ b }}-{{ c }};{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(1, c=5) }}{{ m(b=1, a=2) }}{{ m() }}{{ m(1)|upper }}{{ m(1)|length }}")
    case("macro with varargs", "{% macro m(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, x=4) }}{{ m(*[1, 2], **{'k': 3}) }}")
    case("macro with too many arguments", "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}")
    case("macro with an unknown argument", "{% macro m(a) %}{% endmacro %}{{ m(b=2) }}")
    case("macro sees outer variables", "{% set x = 1 %}{% macro m() %}{{ x }}{{ y }}{% set x = 9 %}{{ x }}{% endmacro %}{{ m() }}{% set x = 2 %}{{ m() }}{{ x }}", y="c")
    case("macro does not see the caller's loop", "{% macro m() %}{{ i is defined }}{% endmacro %}{% for i in [1] %}{{ m() }}{% endfor %}")
    case("recursive macro", "{% macro f(n) %}{{ n }}{% if n > 0 %},{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(5) }}")
    case("macro in a macro", "{% macro a(x) %}{% macro b(y) %}{{ x }}{{ y }}{% endmacro %}{{ b(1) }}{{ b(2) }}{% endmacro %}{{ a('q') }}")
    case("endless recursion", "{% macro f(n) %}{{ f(n) }}{% endmacro %}{{ f(1) }}")
    case("call block", "{% macro m(x) %}<{{ x }}>{{ caller() }}</{{ x }}>{% endmacro %}{% call m('b') %}text{% endcall %}{% macro l() %}{% for i in [1, 2] %}{{ caller(i) }}{% endfor %}{% endmacro %}{% call(n) l() %}[{{ n }}]{% endcall %}")
    case("call block without use", "{% macro m() %}a{% endmacro %}{% call m() %}b{% endcall %}")
    schema = ("{%- macro t(spec, required, bare=false) -%}{%- if spec.type == 'array' -%}{%- set inner = t(spec['items'] or {}, required) -%}"
              "{{- 'any[]' if inner|length > 12 else inner + '[]' }}{%- if spec.nullable %}{{- ' | null' }}{%- endif -%}"
              "{%- elif spec.type is defined and spec.type is iterable and spec.type is not string and spec.type is not mapping and spec.type[0] is defined -%}"
              "{{- spec.type | join(' | ') }}{%- elif spec.oneOf -%}{%- for v in spec.oneOf -%}{{- t(v, required) -}}{%- if not loop.last %}\n{{- ' | ' }}\n{% endif -%}{%- endfor -%}"
              "{%- elif spec.enum -%}{{- '\"' + spec.enum|join('\" | \"') + '\"' -}}{%- elif spec.properties -%}{{- '{' }}"
              "{%- for k, v in spec.properties.items() -%}{{- k }}{%- if k not in (spec.required or []) -%}{{- '?' }}{%- endif -%}: {{ t(v, spec.required or []) }};{%- endfor -%}{{- '}' }}"
              "{%- else -%}{{- spec.type or 'any' }}{%- endif -%}{%- if spec.default is defined %}{{- ' = ' + spec.default|tojson }}{%- endif -%}{%- endmacro -%}[{{ t(spec, []) }}]")
    for number, spec in enumerate([{"type": "array", "items": {"type": "string"}, "nullable": True}, {"type": ["string", "null"]}, {"type": []}, {}, {"enum": ["a", "b"], "default": "a"},
                                   {"oneOf": [{"type": "string", "default": "é"}, {"type": "array"}]}, {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "number"}}}},
                                   {"properties": {"a": {"type": "integer", "default": 1.5}, "b": {"properties": {"c": {}}, "required": ["c"]}}, "required": ["a"]}]):
        case(f"types of a schema {number}", schema, spec=spec)
    case("what comes later in a loop", "{% for m in list %}{% set ns = namespace(found=false) %}{% for l in list[loop.index:] %}{% if l.r == 'a' and 'c' not in l %}{% set ns.found = true %}"
         "{% endif %}{% endfor %}{{ ns.found }},{% endfor %}", list=[{"r": "a", "c": 1}, {"r": "u"}, {"r": "a"}, {"r": "a", "c": 2}])
    case("words of what need not be there", "{% if 'x' in text %}a{% else %}b{% endif %}{% if 'x' in text or 'k' in controls %}a{% else %}c{% endif %}{{ ' ' + controls|tojson if controls }}")
    case("tools as Python prints them", "{% set ns = namespace(t='<') %}{% for tool in tools[:] %}{% set ns.t = ns.t ~ (tool | string) ~ '\n' %}{% endfor %}{{ ns.t + '>' }}",
         tools=[{"a": [1, True, None, "it's \"q\"", 1.0]}, "f() -> 'a'", {}])
    case("macro prints", "{% macro m() %}{% endmacro %}{{ m }}{{ m is callable }}")
    case("filter block", "{% filter upper %}abc{{ 'd' }}{% endfilter %}{% filter replace('a', 'b')|trim %} aa {% endfilter %}")
    case("with", "{% with a = 1, b = 2 %}{{ a }}{{ b }}{% set c = 3 %}{% endwith %}{{ a is defined }}{{ c is defined }}{% set a = 5 %}{% with a = 1, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}")
    case("generation", "{% for m in [1, 2] %}<{% generation %}{{ m }}{% set x = 1 %}\n{% endgeneration %}>{{ x is defined }}{% endfor %}")
    case("raise_exception", "{{ raise_exception('no system role') }}")
    case("raise_exception unreached", "{% if false %}{{ raise_exception('x') }}{% endif %}ok")
    case("strftime_now", "{{ strftime_now('%d %b %Y') }} {{ strftime_now('%Y-%m-%d %H:%M:%S %A %B %j %%') }}")
    case("undefined prints nothing", "[{{ x }}][{{ d.a }}][{{ [x] }}][{{ d['a'] }}]", d={})
    case("undefined called", "{{ x() }}")
    case("none called", "{{ none() }}")
    case("unknown filter unreached", "{% if false %}{{ 1|nosuch }}{% endif %}ok")
    case("unknown test unreached", "{{ (1 is nosuch) if false else 'ok' }}")
    case("unknown filter reached", "{% if true %}{{ 1|nosuch }}{% endif %}")
    case("unknown tag", "{% nosuch %}")
    case("missing endif", "{% if true %}a")
    case("missing endfor", "{% for x in [1] %}{% if x %}{% endfor %}")
    case("stray endif", "a{% endif %}")
    case("stray else", "{% else %}")
    case("unclosed output", "{{ 1 ")
    case("unclosed block", "{% if 1 ")
    case("unclosed comment", "{# a")
    case("unclosed string", "{{ 'a }}")
    case("assigning to a constant", "{% set true = 1 %}")
    case("assigning to an expression", "{% set a[0] = 1 %}")
    case("empty output", "{{ }}")
    case("duplicate keyword", "{{ dict(a=1, a=2) }}")
    case("positional after keyword", "{{ dict(a=1, 2) }}")
    case("calls of expressions", "{{ {'f': 'x'.upper}['f']() }}{{ [1, 2].index(2) }}{{ ('a' if true else 'b').upper() }}")
    case("Python types print", "{{ [none, true, 1.0, 'a', (1,), {'k': none}] }}{{ {'a': {'b': [1, (2, 3)]}} }}", )
    case("JSON types print", "{{ v }}", v={"a": None, "b": [True, 1.5, 10**15, "q'\"", {}], "c": 1e100})
    case("long chain", "{{ " + " ~ ".join(["'a'"] * 500) + " }}{{ " + " + ".join(["1"] * 100) + " }}")
    case("many elifs", "{% if n == 0 %}0" + "".join(f"{{% elif n == {i} %}}{i}" for i in range(1, 150)) + "{% endif %}", n=120)
    case("set a name that a loop uses", "{% set i = 9 %}{% for i in [1, 2] %}{{ i }}{% endfor %}{{ i }}")
    case("filters on a call", "{% macro m(x) %} {{ x }} {% endmacro %}[{{ m('a')|trim }}]{{ (m('b') ~ 'c')|trim|length }}")
    case("concatenation in a loop", "{% set ns = namespace(s='') %}{% for m in ms %}{% set ns.s = ns.s ~ m.r ~ ': ' ~ m.c ~ '\\n' %}{% endfor %}{{ ns.s }}", ms=[{"r": "u", "c": "hi"}, {"r": "a", "c": "ho"}])
