/**
 * What prometheus-nats-exporter shows of nats-server 2.15.2 with one leaf link, asked for varz,
 * connz, subsz, leafz, accstatz, healthz and routez; recorded.
 */
const GAUGES = `
  accstatz_current_connections
  accstatz_leaf_nodes
  accstatz_received_bytes
  accstatz_received_messages
  accstatz_sent_bytes
  accstatz_sent_messages
  accstatz_slow_consumers
  accstatz_subscriptions
  accstatz_total_connections
  connz_limit
  connz_num_connections
  connz_offset
  connz_pending_bytes
  connz_subscriptions
  connz_total
  healthz_status
  healthz_status_value
  leafz_conn_in_bytes
  leafz_conn_in_msgs
  leafz_conn_nodes_total
  leafz_conn_out_bytes
  leafz_conn_out_msgs
  leafz_conn_rtt
  leafz_conn_subscriptions_total
  leafz_info
  routez_num_routes
  routez_server_id
  routez_server_name
  subsz_avg_fanout
  subsz_cache_hit_rate
  subsz_limit
  subsz_max_fanout
  subsz_num_cache
  subsz_num_inserts
  subsz_num_matches
  subsz_num_removes
  subsz_num_subscriptions
  subsz_offset
  subsz_server_id
  subsz_total
  varz_auth_timeout
  varz_config_load_time
  varz_connections
  varz_cores
  varz_cpu
  varz_disk_io_wait_stats_max_wait_time
  varz_disk_io_wait_stats_wait_time
  varz_disk_io_wait_stats_waiters
  varz_disk_io_wait_stats_waits
  varz_gomaxprocs
  varz_http_port
  varz_http_req_stats_varz
  varz_https_port
  varz_in_bytes
  varz_in_client_bytes
  varz_in_client_msgs
  varz_in_msgs
  varz_leafnodes
  varz_max_connections
  varz_max_control_line
  varz_max_payload
  varz_max_pending
  varz_mem
  varz_out_bytes
  varz_out_client_bytes
  varz_out_client_msgs
  varz_out_msgs
  varz_ping_interval
  varz_ping_max
  varz_port
  varz_proto
  varz_remotes
  varz_routes
  varz_server_id
  varz_server_name
  varz_slow_consumer_stats_clients
  varz_slow_consumer_stats_gateways
  varz_slow_consumer_stats_leafs
  varz_slow_consumer_stats_routes
  varz_slow_consumers
  varz_stale_connection_stats_clients
  varz_stale_connection_stats_gateways
  varz_stale_connection_stats_leafs
  varz_stale_connection_stats_routes
  varz_stale_connections
  varz_stalled_clients
  varz_start
  varz_subscriptions
  varz_tls_timeout
  varz_total_connections
  varz_version
  varz_write_deadline
`
const COUNTERS = `
  connz_in_bytes
  connz_in_msgs
  connz_out_bytes
  connz_out_msgs
`

function namesIn(text: string): string[] {
  return text
    .trim()
    .split(/\s+/)
    .map((name) => `gnatsd_${name}`)
}

export const EXPORTER_NAMES: readonly (readonly [name: string, type: 'gauge' | 'counter'])[] = [
  ...namesIn(GAUGES).map((name) => [name, 'gauge'] as const),
  ...namesIn(COUNTERS).map((name) => [name, 'counter'] as const),
]
