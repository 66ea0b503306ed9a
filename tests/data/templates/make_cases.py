#!/usr/bin/env python3
"""Records what Jinja2, set up as transformers sets it up, makes of the templates in this folder.

Usage: make_cases.py > cases.json   (needs the package jinja2; recorded with 3.1.6)
"""
import datetime
import json
import pathlib
import sys

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.sandbox

NOW = datetime.datetime(2025, 3, 9, 14, 5, 6)
CONFIG = {
    "bos_token": "<s>",
    "eos_token": {"content": "</s>", "lstrip": False},
    "unk_token": None,
    "additional_special_tokens": ["<|user|>", {"content": "<|end|>"}],
    "add_bos_token": True,
}


class Generation(jinja2.ext.Extension):
    """The tag that marks the assistant's words; it prints its body."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.Scope(body, lineno=line)


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def to_json(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


def environment():
    env = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=[Generation, jinja2.ext.loopcontrols],
    )
    env.filters["tojson"] = to_json
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = NOW.strftime
    return env


def conversations():
    def said(role, content):
        return {"role": role, "content": content}

    user = said("user", "What is the capital of France?")
    answer = said("assistant", "  Paris.\n")
    system = said("system", " Be brief. ")
    yield "one question", [user]
    yield "a system message", [system, user]
    yield "three turns", [user, answer, said("user", "And of Japan?\n\n")]
    yield "system and three turns", [system, user, answer, said("user", "\t And of Japan?")]
    yield "ends with an answer", [user, answer]
    yield "a thought", [
        user,
        said("assistant", "<think>\nFrance, hm.\n</think>\n\nParis."),
        said("user", "Sure?"),
        said("assistant", "<think>\nYes.\n</think>\n\nSure."),
    ]
    yield "no turns taken", [user, user]
    yield "a late system message", [user, system]
    yield "an empty content", [said("user", "")]
    yield "no thinking", [said("system", "Short answers /no_think "), user]
    yield "hostile text", [
        said("system", "{{ 7 * 7 }} {% raw %} \\n \x1c \x85 \u00a0"),
        said("user", "\u2028<b>&amp;\"'\\ \u200d\U0001f468\u200d\U0001f469 \ufffd {{ bos_token }}\r\n"),
    ]
    yield "white space", [said("user", " \x1c\x1f\n x \u00a0\u3000\x85\x1d"), said("assistant", "\u200b y \u200b")]


def special_tokens():
    return {
        "bos_token": "<s>",
        "eos_token": "</s>",
        "additional_special_tokens": ["<|user|>", "<|end|>"],
    }


def main():
    folder = pathlib.Path(__file__).parent
    cases = []
    for file in sorted(folder.glob("*.jinja")):
        template = environment().from_string(file.read_text())
        for name, messages in conversations():
            for prompted in (True, False):
                case = {
                    "template": file.name,
                    "name": name,
                    "messages": messages,
                    "add_generation_prompt": prompted,
                }
                try:
                    case["text"] = template.render(
                        messages=messages,
                        tools=None,
                        documents=None,
                        add_generation_prompt=prompted,
                        **special_tokens(),
                    )
                except jinja2.exceptions.TemplateError as error:
                    case["error"] = str(error)
                cases.append(case)
    now = int(NOW.replace(tzinfo=datetime.timezone.utc).timestamp())
    json.dump(
        {"jinja2": jinja2.__version__, "now": now, "config": CONFIG, "cases": cases},
        sys.stdout,
        ensure_ascii=True,
        indent=1,
    )
    print()


main()
