# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes C of conf/openapi.json, without the blanks that are for people: openapi-source.py FILE.json FILE.c"""
import json
import sys

source, target = sys.argv[1:]
with open(source, encoding="utf-8") as file:
    text = json.dumps(json.load(file), separators=(",", ":"), ensure_ascii=True).encode()
with open(target, "w", encoding="utf-8") as file:
    file.write('#include "daemon/openapi.h"\n\nconst unsigned char openapi_text[] = {')
    for at in range(0, len(text), 16):
        file.write("\n        " + " ".join(f"{byte}," for byte in text[at:at + 16]))
    file.write(f"\n}};\nconst unsigned openapi_size = {len(text)};\n")
