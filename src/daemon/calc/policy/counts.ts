// SPDX-License-Identifier: Apache-2.0
/** How often each member of each group was added. */
export class Counts {
  private readonly groups = new Map<string, Map<string, number>>();

  /** Members, over all groups. */
  size = 0;

  /**
   * Adds a member or takes it away once. True: it is the first, or there is none left. A member is
   * taken away at most as often as it was added.
   */
  count(group: string, member: string, add: boolean): boolean {
    const members = this.groups.get(group) ?? new Map<string, number>();
    const before = members.get(member) ?? 0;
    const now = add ? before + 1 : before - 1;
    if (now > 0) members.set(member, now);
    else members.delete(member);
    if (members.size > 0) this.groups.set(group, members);
    else this.groups.delete(group);
    const edge = add ? before === 0 : now === 0;
    if (edge) this.size += add ? 1 : -1;
    return edge;
  }
}
