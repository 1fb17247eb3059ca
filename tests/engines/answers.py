#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""answers - ask netd's Docker driver as dockerd does, and take the time of each answer

	answers.py SOCKET CONTAINERS JOBS SUBNET [NETWORK]

A network of this host or, as NAME, one of the cluster; as many containers are begun,
all of them before the first is ended, by so many at a time.  A line for each method:
its name, how many calls, and the time that half and 99 of 100 of them took at most, in ms.
"""
import base64
import concurrent.futures
import http.client
import ipaddress
import json
import socket
import sys
import threading
import time
import uuid

SOCKET, CONTAINERS, JOBS, SUBNET = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
NETWORK = sys.argv[5] if len(sys.argv) > 5 else None
SPACE = "heddle"
TCP = 6
FIRST_PORT = 20000

here = threading.local()
times = {}


class Connection(http.client.HTTPConnection):
	def __init__(self):
		super().__init__("plugin", timeout=30)

	def connect(self):
		self.sock = socket.socket(socket.AF_UNIX)
		self.sock.connect(SOCKET)


def ask(method, **request):
	"""Each thread has a connection, as dockerd keeps some."""
	if not hasattr(here, "connection"):
		here.connection = Connection()
	begin = time.monotonic()
	here.connection.request("POST", "/" + method, json.dumps(request))
	answer = here.connection.getresponse()
	text = answer.read()
	times.setdefault(method, []).append(time.monotonic() - begin)
	if answer.status != 200:
		sys.exit("%s: %s" % (method, text.decode()))
	return json.loads(text)


class Container:
	def __init__(self, pool, network, number):
		self.pool = pool
		self.of = {"NetworkID": network, "EndpointID": uuid.uuid4().hex * 2}
		self.port = FIRST_PORT + number
		self.address = None

	def begin(self):
		self.address = ask("IpamDriver.RequestAddress", PoolID=self.pool, Address="", Options=None)["Address"]
		ask("NetworkDriver.CreateEndpoint", **self.of, Options={}, Interface={"Address": self.address})
		ask("NetworkDriver.Join", **self.of, SandboxKey="/none", Options={})
		ask("NetworkDriver.ProgramExternalConnectivity", **self.of, Options={
			"com.docker.network.portmap": [{"Proto": TCP, "Port": 80, "HostPort": self.port}],
			"com.docker.network.endpoint.macaddress": base64.b64encode(bytes(6)).decode()})
		ask("NetworkDriver.EndpointOperInfo", **self.of)

	def end(self):
		ask("NetworkDriver.RevokeExternalConnectivity", **self.of)
		ask("NetworkDriver.Leave", **self.of)
		ask("NetworkDriver.DeleteEndpoint", **self.of)
		ask("IpamDriver.ReleaseAddress", PoolID=self.pool, Address=self.address.split("/")[0])


def all_of(containers, what):
	with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
		for done in [pool.submit(what, c) for c in containers]:
			done.result()


def main():
	options = {"network": NETWORK} if NETWORK else {}
	gateway = str(ipaddress.ip_network(SUBNET)[1])
	network = uuid.uuid4().hex * 2
	pool = ask("IpamDriver.RequestPool", AddressSpace=SPACE, Pool=SUBNET, Options=options)["PoolID"]
	ask("IpamDriver.RequestAddress", PoolID=pool, Address=gateway,
	    Options={"RequestAddressType": "com.docker.network.gateway"})
	ask("NetworkDriver.CreateNetwork", NetworkID=network,
	    Options={"com.docker.network.generic": {"ports": "heddle", **options}},
	    IPv4Data=[{"AddressSpace": SPACE, "Pool": SUBNET, "Gateway": gateway + "/" + SUBNET.split("/")[1]}])
	containers = [Container(pool, network, i) for i in range(CONTAINERS)]
	all_of(containers, Container.begin)
	if len({c.address for c in containers}) != CONTAINERS:
		sys.exit("an address was given twice")
	all_of(containers, Container.end)
	ask("IpamDriver.ReleasePool", PoolID=pool)
	ask("NetworkDriver.DeleteNetwork", NetworkID=network)
	for method, took in times.items():
		took.sort()
		print("%s\t%d\t%.1f\t%.1f" % (method, len(took), 1000 * took[len(took) // 2],
					      1000 * took[(len(took) * 99 - 1) // 100]))


if __name__ == "__main__":
	main()
