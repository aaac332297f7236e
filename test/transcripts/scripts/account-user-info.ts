import { ask, connect, open, pub, script } from '../script.ts'
import { as, PING, subs } from './account-forms.ts'

const INFO_SUBJECT = '$SYS.REQ.USER.INFO'

const USERS = `
server_name: carol
accounts {
  A: {
    users: [
      { user: a, password: p }
      { user: few, password: p, permissions: {
        publish: { allow: [">"], deny: ["no.>"] }, subscribe: { allow: "in.*", deny: "q.* grp" }
        allow_responses: { max: 3, expires: "1m" } } }
      { user: none, password: p, permissions: { publish: "other" } }
    ]
    limits: { max_payload: 100 }
  }
  B: {
    default_permissions: { publish: ">", subscribe: "in.*" }
    users: [ { user: b, password: p } ]
  }
  SYS: { users: [ { user: sys, password: p } ] }
}
system_account: SYS
`

const mask = (frame: string) =>
  frame
    .replace(/"(id|ver|host|xkey|time|name)":"[^"]*"/g, '"$1":"…"')
    .replace(/"server":\{[^}]*\}/, '"server":{…}')
    .replace(/"(seq|flags|feature_flags|expires)":\d+/g, '"$1":0')
    .replace(/^(H?MSG .*?)(?: \d+)+\r\n/, '$1 n\r\n')

const asked = (name: string, config: string, login: string) =>
  script(
    `user info: ${name}`,
    [
      open('A'),
      ask('A', login + subs('in.*') + PING),
      ask('A', pub(INFO_SUBJECT, '', 'in.1') + PING),
    ],
    config,
    { mask, anyOrder: true },
  )

/** Who am I? */
export const ACCOUNT_USER_INFO_SCRIPTS = [
  ...['a', 'few', 'none', 'b', 'sys'].map((user) => asked(user, USERS, as(user))),
  asked('nobody in particular', '', connect()),
  asked('a token', 'authorization { token: t }\n', connect({ auth_token: 't' })),
  asked(
    'no_auth_user',
    'accounts { A: { users: [ { user: a, password: p } ] } }\nno_auth_user: a\n',
    connect(),
  ),
  asked('no system account', 'no_system_account: true\n', connect()),
]
