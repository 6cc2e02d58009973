// Which rows of a scrolled list exist: those in sight and a few around them.
const AROUND = 6;

export function rowsInSight(top: number, room: number, height: number, rows: number): { first: number; end: number } {
  const first = Math.max(0, Math.min(rows, Math.floor(Math.max(0, top) / height) - AROUND));
  const end = Math.min(rows, Math.ceil((Math.max(0, top) + room) / height) + AROUND);
  return { first: Math.min(first, end), end };
}
