#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""cri - what a kubelet asks of containerd, without a kubelet

	cri.py image FILE		a docker-archive of static busybox that sleeps, bb:latest
	cri.py SOCKET status		the network that containerd's CRI has loaded, and its plugins, as JSON
	cri.py SOCKET has IMAGE		fails unless the CRI knows the image
	cri.py SOCKET run NAME [OPTION...]
					start a pod; prints its ID
		HOSTPORT:PORT		a published TCP port
		KEY=VALUE		an annotation
		host			in the host's network
	cri.py SOCKET ip ID		the pod's address
	cri.py SOCKET list		IDs of all pods, one a line
	cri.py SOCKET remove ID		stop and remove it

CRI is gRPC: a POST of HTTP/2, which curl can make, with a length in front of a
protobuf message.  The few fields that are needed are encoded here by hand.

Source: k8s.io/cri-api, runtime/v1/api.proto; gRPC's PROTOCOL-HTTP2.md.
"""
import hashlib
import io
import json
import struct
import subprocess
import sys
import tarfile

BUSYBOX = "/bin/busybox"


# ---- protobuf ------------------------------------------------------------------

def varint(number):
	out = b""
	while number > 0x7f:
		out += bytes([number & 0x7f | 0x80])
		number >>= 7
	return out + bytes([number])


def field(number, value):
	"""A string, a message (bytes), a number or a bool."""
	if isinstance(value, int):
		return varint(number << 3) + varint(int(value))
	data = value.encode() if isinstance(value, str) else value
	return varint(number << 3 | 2) + varint(len(data)) + data


def read_varint(data, at):
	number = shift = 0
	while True:
		number |= (data[at] & 0x7f) << shift
		shift += 7
		at += 1
		if not data[at - 1] & 0x80:
			return number, at


def fields(data, wanted):
	"""The length-delimited fields of that number."""
	at, found = 0, []
	while at < len(data):
		key, at = read_varint(data, at)
		value, at = read_varint(data, at)
		if key & 7 == 2:
			if key >> 3 == wanted:
				found.append(data[at:at + value])
			at += value
	return found


# ---- gRPC ------------------------------------------------------------------------

def call(socket, method, message, service="RuntimeService"):
	"""A unary call; its reply."""
	curl = subprocess.run(
		["curl", "--silent", "--show-error", "--max-time", "120", "--http2-prior-knowledge",
		 "--unix-socket", socket, "--dump-header", "/dev/stderr",
		 "--header", "content-type: application/grpc", "--header", "te: trailers",
		 "--data-binary", "@-", "http://localhost/runtime.v1.%s/%s" % (service, method)],
		input=b"\0" + struct.pack(">I", len(message)) + message, capture_output=True, check=False)
	said = curl.stderr.decode(errors="replace")
	if curl.returncode != 0 or "grpc-status: 0" not in said:
		sys.exit("%s: %s" % (method, said))
	return curl.stdout[5:]


def status(socket):
	reply = call(socket, "Status", field(1, True))
	info = {fields(entry, 1)[0].decode(): fields(entry, 2)[0].decode() for entry in fields(reply, 2)}
	networks = json.loads(info["cniconfig"])["Networks"]
	plugins = [plugin["Network"]["type"] for network in networks for plugin in network["Config"]["Plugins"]]
	return json.dumps({"error": info["lastCNILoadStatus"],
			   "networks": [network["Config"]["Name"] for network in networks],
			   "plugins": plugins})


def has(socket, image):
	reply = call(socket, "ImageStatus", field(1, field(1, image)), "ImageService")
	return image if fields(reply, 1) else sys.exit("no image " + image)


def option(text):
	"""What an option of run is in a PodSandboxConfig."""
	if text == "host":
		node = field(2, field(1, field(1, 2)))
		return field(8, node)
	if "=" in text:
		key, value = text.split("=", 1)
		return field(7, field(1, key) + field(2, value))
	host_port, port = text.split(":")
	return field(5, field(2, int(port)) + field(3, int(host_port)))


def run(socket, name, *options):
	metadata = field(1, name) + field(2, name + "-uid") + field(3, "default")
	config = field(1, metadata) + b"".join(map(option, options)) + field(8, b"")
	return fields(call(socket, "RunPodSandbox", field(1, config)), 1)[0].decode()


def ip(socket, pod):
	reply = fields(call(socket, "PodSandboxStatus", field(1, pod)), 1)[0]
	return fields(fields(reply, 5)[0], 1)[0].decode()


def pods(socket):
	reply = call(socket, "ListPodSandbox", b"")
	return "\n".join(fields(pod, 1)[0].decode() for pod in fields(reply, 1))


def remove(socket, pod):
	call(socket, "StopPodSandbox", field(1, pod))
	call(socket, "RemovePodSandbox", field(1, pod))
	return pod


# ---- an image ----------------------------------------------------------------------

def add(archive, name, data, mode=0o644):
	entry = tarfile.TarInfo(name)
	entry.size, entry.mode = len(data), mode
	archive.addfile(entry, io.BytesIO(data))


def image(path):
	layer = io.BytesIO()
	with tarfile.open(fileobj=layer, mode="w") as archive:
		with open(BUSYBOX, "rb") as busybox:
			add(archive, "bin/sleep", busybox.read(), 0o755)
	content = layer.getvalue()
	config = {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/sleep", "100000"]},
		  "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(content).hexdigest()]}}
	manifest = [{"Config": "config.json", "RepoTags": ["docker.io/library/bb:latest"],
		     "Layers": ["layer.tar"]}]
	with tarfile.open(path, mode="w") as archive:
		add(archive, "config.json", json.dumps(config).encode())
		add(archive, "layer.tar", content)
		add(archive, "manifest.json", json.dumps(manifest).encode())


def main():
	if sys.argv[1:2] == ["image"] and len(sys.argv) == 3:
		image(sys.argv[2])
		return
	verbs = {"status": status, "has": has, "run": run, "ip": ip, "list": pods, "remove": remove}
	if len(sys.argv) < 3 or sys.argv[2] not in verbs:
		sys.exit(__doc__)
	print(verbs[sys.argv[2]](sys.argv[1], *sys.argv[3:]))


if __name__ == "__main__":
	main()
