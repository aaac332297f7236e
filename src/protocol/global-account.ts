/** The account of everybody who is given no other; nats-server's name for it. */
export const GLOBAL_ACCOUNT = '$G'
