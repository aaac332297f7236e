/** Text of SVG and HTML that is finished: nothing in it needs to be escaped any more. */
export class Markup {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

type Child = Markup | string | readonly Child[]
type Attributes = Readonly<Record<string, string | number | undefined>>

/** The only elements that HTML closes by themselves among those used here. */
const VOID_ELEMENTS: ReadonlySet<string> = new Set(['meta', 'br'])

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** For text and for values in quotes; what no XML document may hold is left out. */
export function escapeMarkup(text: string): string {
  const visible = text.replace(FORBIDDEN, '')
  return visible.replace(/[&<>"']/g, (character) => ESCAPES[character]!)
}

/** Control characters, lone surrogates, and the two that are none. */
const FORBIDDEN = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu

/** An element; attributes that are undefined are left out, strings are escaped. */
export function element(name: string, attributes: Attributes, ...children: Child[]): Markup {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${escapeMarkup(String(value))}"`)
    .join('')
  if (VOID_ELEMENTS.has(name)) return new Markup(`<${name}${written}>`)
  return new Markup(`<${name}${written}>${children.map(textOf).join('')}</${name}>`)
}

function textOf(child: Child): string {
  if (child instanceof Markup) return child.text
  return typeof child === 'string' ? escapeMarkup(child) : child.map(textOf).join('')
}
