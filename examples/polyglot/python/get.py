"""Prints status and body of each URL, as a browser would get them: `get.py URL...`."""

import sys
import urllib.error
import urllib.request

for url in sys.argv[1:]:
    try:
        answer = urllib.request.urlopen(url, timeout=20)
    except urllib.error.HTTPError as error:
        answer = error
    print(f"📬 {answer.status} {answer.read().decode()}")
