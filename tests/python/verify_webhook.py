"""Reads {"secret", "headers", "body"} a line, and says "good" or why not, by the published library."""

import json
import sys

from standardwebhooks.webhooks import Webhook

for line in sys.stdin:
    given = json.loads(line)
    try:
        Webhook(given["secret"]).verify(given["body"], given["headers"])
        print("good", flush=True)
    except Exception as error:
        print(f"{type(error).__name__}: {error}", flush=True)
