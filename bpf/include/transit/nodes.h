/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The nodes a packet can visit. Append only, as reasons.h. Values
 * double as slots of the stage program array: a node that has its own program (a
 * tail call) is filled in there.
 *
 * NODE(NAME, number, "what it does")
 */
#ifndef TRANSIT_NODES_H
#define TRANSIT_NODES_H

#define NODES(NODE)                                                                                \
	NODE(NONE, 0, "not in the graph yet")                                                      \
	NODE(WALK, 1, "a packet without a valid flow record starts the walk")                      \
	NODE(ICMP_ERROR, 2, "answer the sender with an ICMP or ICMPv6 error")                      \
	NODE(NAT, 3, "translate a packet to or from the outside")                                  \
	NODE(NAT_ICMP, 4, "relate an ICMP error to the translated connection it quotes")           \
	NODE(OUTSIDE, 5, "a packet on a droplet that is not in a tunnel")                          \
	NODE(OUTSIDE_L2, 6, "answer ARP and neighbour solicitations for public addresses")         \
	NODE(XLAT, 7, "make a packet one of the other IP family")                                  \
	NODE(PARSE, 8, "read the headers")                                                         \
	NODE(CLASSIFY, 9, "ours or the host's, on a droplet")                                      \
	NODE(DECAP, 10, "take the tunnel header off")                                              \
	NODE(FLOW, 11, "a flow record was found and honoured")                                     \
	NODE(FRAGMENT, 12, "hand a fragment that is early to the daemon, or take it back")         \
	NODE(ARP, 13, "answer ARP")                                                                \
	NODE(ND, 14, "answer neighbour solicitations")                                             \
	NODE(ECHO, 15, "answer echo requests to the gateway")                                      \
	NODE(ANTISPOOF, 16, "check that the endpoint owns its source addresses")                   \
	NODE(ROUTE, 17, "find the destination in the VPC")                                         \
	NODE(COMMIT, 18, "write the flow records of both directions")                              \
	NODE(DELIVER, 19, "hand the packet to a local endpoint")                                   \
	NODE(ENCAP, 20, "put the tunnel header on and send it to the underlay")                    \
	NODE(REPLY, 21, "send an answer back where the packet came from")                          \
	NODE(PASS, 22, "leave the packet to the host")                                             \
	NODE(PUNT, 23, "hand the packet to the daemon")                                            \
	NODE(DROP, 24, "end of the way, with a reason")                                            \
	NODE(FORWARD, 25, "send the packet to the outside")                                        \
	NODE(SERVICE, 26, "translate a packet to or from the server of a service")                 \
	NODE(PEER, 27, "translate a packet into a peer VPC")                                       \
	NODE(ALG, 28, "hand a packet of FTP or TFTP to the daemon, or take it back")               \
	NODE(POLICY, 29, "judge a connection by the policies of an endpoint of this host")         \
	NODE(PEER_ICMP, 30, "translate an ICMP error into a peer VPC")                             \
	NODE(XLAT_ICMP, 31, "make an ICMP error one of the other IP family")

#define NODE_ENUM(name, number, text) NODE_##name = number,
enum node {
	NODES(NODE_ENUM) NODE_LAST = 31,
	NODE_SLOTS = 40, /* size of the stage array, and of counter arrays */
};
#undef NODE_ENUM

#endif
