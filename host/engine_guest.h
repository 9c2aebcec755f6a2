/* SPDX-License-Identifier: Apache-2.0 */
/* What the thread of a guest runs: an engine of its own. Thread: the guest's. */
#pragma once

struct guest;

/* Opens an engine, runs luvisor.edge.guest in it until it ends, and closes it. */
void engine_guest(struct guest *guest);
