//! nginx's configuration. Start at [`config`]. Nothing here starts it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::thread::available_parallelism;

use crate::Result;

/// Threads or processes that nginx and the gateway each get for serving.
///
/// # Errors
/// The system does not tell its cores.
pub fn workers() -> Result<usize> {
    Ok(available_parallelism()?.get())
}

/// nginx as a plain pass-through at its best: no log, no limit on requests per connection, nothing buffered.
///
/// # Errors
/// The system does not tell its cores or its user.
pub fn config(addr: SocketAddr, upstream: SocketAddr, dir: &Path) -> Result<String> {
    let id = Command::new("id").arg("-u").output()?;
    // The workers' usual user may not enter the folder.
    let user = if id.stdout == b"0\n" { "user root;" } else { "" };
    let workers = workers()?;
    let dir = dir.display();
    Ok(format!(
        r#"daemon off; {user}
worker_processes {workers};
worker_rlimit_nofile 20000;
pid {dir}/nginx.pid;
error_log {dir}/error.log warn;
events {{ worker_connections 10000; }}
http {{
    access_log off;
    client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
    keepalive_timeout 300; keepalive_requests 1000000000;
    client_max_body_size 0;
    upstream mock {{ server {upstream}; keepalive 128; keepalive_requests 1000000000; }}
    server {{
        listen {addr} backlog=4096 reuseport;
        location / {{
            proxy_pass http://mock;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
            proxy_request_buffering off;
            proxy_read_timeout 300;
        }}
    }}
}}
"#
    ))
}
