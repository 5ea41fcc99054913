"""A stand-in for the W&B server on 127.0.0.1: it answers and stores all requests.

Answers follow the client's own GraphQL documents (wandb 0.31). Names that a real server would
invent are built from the client's names, so that a test can predict them.
"""

import contextlib
import gzip
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

ENTITY = "ward"
API_KEY = "a" * 40  # the client accepts only this length
_NAME = re.compile(r"\b(?:query|mutation)\s+(\w+)")


class Server:
    """The server; it runs inside a `with` block.

    Attributes:
        calls: (operation, variables) of each GraphQL request, in order.
        streams: run id -> file name -> lines, as streamed.
        uploads: name -> bytes of each uploaded file.
        runs: run id -> variables of its first UpsertBucket.
        projects: names of projects that exist.
        refuse: operations that are answered with an error.
        stumble: operations that are answered with "503, try again" the first time.
        stall: operations that get no answer until the server ends.
    """

    def __init__(self, *, projects=()):
        self.calls, self.streams, self.uploads, self.runs = [], {}, {}, {}
        self.projects, self.refuse, self.stall = list(projects), set(), set()
        self.stumble = set()
        self._views = 0
        self._lock, self._over = threading.Lock(), threading.Event()

    def __enter__(self):
        handler = type("Handler", (_Handler,), {"stand_in": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def operations(self):
        return [name for name, _ in self.calls]

    def variables(self, operation):
        """Returns the variables of each call of an operation."""
        return [variables for name, variables in self.calls if name == operation]

    def graphql(self, query, variables):
        name = _NAME.search(query)[1]
        with self._lock:
            self.calls.append((name, variables))
        if name in self.stall:
            self._over.wait()
        with self._lock:
            if name in self.stumble:
                self.stumble.remove(name)
                return None
            if name in self.refuse:
                return {"errors": [{"message": f"{name} is refused"}]}
            answer = getattr(self, f"_{name}", None)
            if answer is None:
                return {"errors": [{"message": f"the stand-in does not know {name}"}]}
            return {"data": answer(variables)}

    def stream(self, run, files):
        with self._lock:
            for name, part in files.items():
                lines = self.streams.setdefault(run, {}).setdefault(name, [])
                lines[part["offset"] :] = part["content"]

    # Answers to the client, one method per operation.

    def _RunResumeStatus(self, _):  # noqa: N802
        return {"model": None}

    def _UpsertBucket(self, asked):  # noqa: N802
        run = asked["name"]
        self.runs.setdefault(run, asked)
        project = asked["project"]
        return {
            "upsertBucket": {
                "bucket": {
                    "id": run,
                    "name": run,
                    "displayName": run,
                    "project": {
                        "id": project,
                        "name": project,
                        "entity": {"id": ENTITY, "name": asked["entity"] or ENTITY},
                    },
                    "historyLineCount": 0,
                },
                "inserted": True,
            }
        }

    def _CreateRunFiles(self, asked):  # noqa: N802
        run = asked["run"]
        return {
            "createRunFiles": {
                "runID": run,
                "uploadHeaders": [],
                "files": [
                    {"name": name, "uploadUrl": f"{self.url}/put/{run}/{name}"}
                    for name in asked["files"]
                ],
            }
        }

    def _Viewer(self, _):  # noqa: N802
        return {"viewer": {"id": "me", "entity": ENTITY, "username": "me", "flags": "{}"}}

    def _GetDefaultEntity(self, _):  # noqa: N802
        return {"viewer": {"id": "me", "entity": ENTITY}}

    def _GetProjects(self, _):  # noqa: N802
        fields = {"entityName": ENTITY, "createdAt": "2026-01-01T00:00:00Z", "isBenchmark": False}
        edges = [
            {"node": {"__typename": "Project", "id": name, "name": name, "user": None, **fields}}
            for name in self.projects
        ]
        page = {"__typename": "PageInfo", "endCursor": None, "hasNextPage": False}
        return {"models": {"pageInfo": page, "edges": edges}}

    def _CreateProject(self, asked):  # noqa: N802
        name = asked["input"]["name"]
        self.projects.append(name)
        project = {"id": name, "name": name, "entityName": ENTITY}
        project |= {"description": None, "access": None, "views": None}
        return {"result": {"project": project, "model": project, "inserted": True}}

    def _upsertView(self, asked):  # noqa: N802
        self._views += asked.get("id") is None
        view = {
            "id": asked.get("id") or f"view{self._views}",
            "type": asked["type"],
            "name": asked["name"],
            "displayName": asked["displayName"],
            "description": asked["description"],
            "project": {"id": "1", "name": asked["projectName"], "entityName": asked["entityName"]},
            "spec": asked["spec"],
            "updatedAt": "2026-01-01T00:00:00Z",
        }
        return {"upsertView": {"view": view, "inserted": asked.get("id") is None}}

    def _ServerFeaturesQuery(self, _):  # noqa: N802
        return {"serverInfo": {"features": []}}

    def _CreateArtifact(self, asked):  # noqa: N802
        name = asked["input"]["artifactCollectionName"]
        artifact = {"id": name, "state": "PENDING", "artifactSequence": {"id": name}}
        return {"createArtifact": {"artifact": artifact}}

    def _CreateArtifactManifest(self, asked):  # noqa: N802
        name = f"{asked['artifactID']}/manifest"
        url = f"{self.url}/put/{name}"
        file = {"id": name, "name": asked["name"], "displayName": "", "uploadUrl": url}
        manifest = {"id": name, "file": {**file, "uploadHeaders": []}}
        return {"createArtifactManifest": {"artifactManifest": manifest}}

    def _UpdateArtifactManifest(self, asked):  # noqa: N802
        name = asked["artifactManifestID"]
        url = f"{self.url}/put/{name}"
        file = {"id": name, "name": name, "displayName": "", "uploadUrl": url}
        manifest = {"id": name, "file": {**file, "uploadHeaders": []}}
        return {"updateArtifactManifest": {"artifactManifest": manifest}}

    def _CreateArtifactFiles(self, asked):  # noqa: N802
        edges = []
        for file in asked["input"]["artifactFiles"]:
            place = f"{file['artifactID']}/{file['name']}"
            node = {
                "id": place,
                "name": file["name"],
                "displayName": file["name"],
                "storagePath": place,
                "uploadUrl": f"{self.url}/put/{place}",
                "uploadHeaders": [],
                "uploadMultipartUrls": None,
                "artifact": {"id": file["artifactID"]},
            }
            edges.append({"node": node})
        return {"createArtifactFiles": {"files": {"edges": edges}}}

    def _CommitArtifact(self, asked):  # noqa: N802
        return {"commitArtifact": {"artifact": {"id": asked["artifactID"], "digest": ""}}}


class _Handler(BaseHTTPRequestHandler):
    stand_in: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Logs nothing."""

    def handle(self):
        with contextlib.suppress(ConnectionError):  # a killed client just disconnects
            super().handle()

    def do_POST(self):
        body = self._body()
        if self.path == "/graphql":
            asked = json.loads(body)
            answer = self.stand_in.graphql(asked["query"], asked.get("variables") or {})
            if answer is None:
                self.send_error(503)
            else:
                self._answer(answer)
        elif self.path.endswith("/file_stream"):
            self.stand_in.stream(self.path.split("/")[-2], json.loads(body).get("files", {}))
            self._answer({})
        else:
            self.send_error(404)

    def do_PUT(self):
        self.stand_in.uploads[unquote(self.path.removeprefix("/put/"))] = self._body()
        self._answer({})

    def do_GET(self):
        self._answer({})

    def _body(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        zipped = self.headers.get("Content-Encoding") == "gzip"
        return gzip.decompress(body) if zipped else body

    def _answer(self, value):
        text = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
