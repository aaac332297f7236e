/** One cell: its text, or a share that is drawn as a bar. Texts of clients are never markup. */
export type Cell =
  | string
  | { readonly text: string; readonly kind: 'number' | 'number bad' | 'bad' | 'warn' | 'wide' }
  | { readonly share: number; readonly text: string }

export function number(text: string): Cell {
  return { text, kind: 'number' }
}

export function wide(text: string): Cell {
  return { text, kind: 'wide' }
}

/**
 * @param heads of the columns; those that begin with `#` stand over figures
 * @param none what is said when there are no rows
 */
export function fillTable(
  table: HTMLElement,
  heads: readonly string[],
  rows: readonly (readonly Cell[])[],
  none: string,
): void {
  if (rows.length === 0) {
    const text = element('td', none)
    text.className = 'none'
    table.replaceChildren(wrap('tbody', [wrap('tr', [text])]))
    return
  }
  const titles = heads.map((head) => {
    const cell = element('th', head.replace(/^#/, ''))
    cell.scope = 'col'
    if (head.startsWith('#')) cell.className = 'number'
    return cell
  })
  const body = rows.map((row) => wrap('tr', row.map(cellOf)))
  table.replaceChildren(wrap('thead', [wrap('tr', titles)]), wrap('tbody', body))
}

function cellOf(cell: Cell): HTMLElement {
  if (typeof cell === 'string') return element('td', cell)
  const made = element('td', cell.text)
  if ('share' in cell) {
    const bar = document.createElement('meter')
    bar.value = cell.share
    bar.high = 0.9
    bar.title = cell.text
    made.prepend(bar, ' ')
  } else {
    made.className = cell.kind
    if (cell.kind === 'wide') made.title = cell.text
  }
  return made
}

export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  text: string,
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name)
  made.textContent = text
  return made
}

export function wrap(
  name: keyof HTMLElementTagNameMap,
  children: readonly HTMLElement[],
): HTMLElement {
  const made = document.createElement(name)
  made.append(...children)
  return made
}
