# SPDX-License-Identifier: Apache-2.0
"""One control connection (Python's ftplib): session.py HOST FILE. Fetches FILE in active
mode for each line that it reads from standard input; prints its SHA-256, or what went wrong."""
import ftplib
import hashlib
import sys

host, name = sys.argv[1:3]
ftp = ftplib.FTP(host, timeout=60)
ftp.login()
ftp.set_pasv(False)
print("ready", flush=True)
for _ in sys.stdin:
    digest = hashlib.sha256()
    try:
        ftp.retrbinary(f"RETR {name}", digest.update)
        print(digest.hexdigest(), flush=True)
    except (OSError, EOFError, ftplib.Error) as error:
        print(f"failed: {error}", flush=True)
