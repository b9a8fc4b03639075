# SPDX-License-Identifier: Apache-2.0
"""An FTP server for labs (python3-pyftpdlib): server.py DIRECTORY. Anybody may read and write."""
import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

authorizer = DummyAuthorizer()
authorizer.add_anonymous(sys.argv[1], perm="elradfmw")
FTPHandler.authorizer = authorizer
FTPServer(("::", 21), FTPHandler).serve_forever()
