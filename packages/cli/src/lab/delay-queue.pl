#!/usr/bin/perl
# Delays and loses packets where the kernel has no netem: takes them from an nfqueue of its network namespace and gives
# each its verdict when its time has come. Only ids pass through here, never the packets. Uses nothing but perl-base, which
# every Debian has. Ends when it is killed; the rule that feeds the queue lets packets pass then (--queue-bypass).
#
#   delay-queue.pl QUEUE DELAY_MS JITTER_MS LOSS_PERCENT
#
# Numbers below are those of linux/netlink.h and linux/netfilter/nfnetlink_queue.h.
use strict;
use warnings;
use POSIX ();

use constant {
  AF_NETLINK => 16, SOCK_RAW => 3, NETLINK_NETFILTER => 12,
  SOL_SOCKET => 1, SO_RCVBUFFORCE => 33, SOL_NETLINK => 270, NETLINK_NO_ENOBUFS => 5,
  NLMSG_ERROR => 2, NLM_F_REQUEST => 1, NLM_F_ACK => 4,
  PACKET => 0x300, VERDICT => 0x301, CONFIG => 0x302,
  DROP => 0, ACCEPT => 1,
  # Packets that wait at once; what comes beyond passes at once.
  QUEUE_LENGTH => 200_000,
  CLOCK_MONOTONIC => 1,
};

my ($queue, $delay, $jitter, $loss) = @ARGV;
die "usage: delay-queue.pl QUEUE DELAY_MS JITTER_MS LOSS_PERCENT\n" unless defined $loss;
my %clock_gettime = (x86_64 => 228, aarch64 => 113);
my $call = $clock_gettime{(POSIX::uname())[4]} // die "no number of clock_gettime for this processor\n";

socket(my $link, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER) or die "netlink: $!\n";
bind($link, pack('S S L L', AF_NETLINK, 0, 0, 0)) or die "netlink: $!\n";
setsockopt($link, SOL_SOCKET, SO_RCVBUFFORCE, pack('i', 16 * 1024 * 1024));
setsockopt($link, SOL_NETLINK, NETLINK_NO_ENOBUFS, pack('i', 1));

configure(attribute(1, pack('C C n', 1, 0, 0)));           # bind to the queue
configure(attribute(2, pack('N C', 0, 1)));                # ids and no packets
configure(attribute(3, pack('N', QUEUE_LENGTH)));
configure(attribute(4, pack('N', 5)), attribute(5, pack('N', 5))); # pass when full; large segments whole
print STDOUT "delays by $delay ms, varied by $jitter ms, loses $loss %\n";

# Sorted by time; each [due in ms, id].
my @waiting;
while (1) {
  my $timeout = @waiting ? ($waiting[0][0] - now()) / 1000 : undef;
  $timeout = 0 if defined $timeout && $timeout < 0;
  vec(my $ready = '', fileno($link), 1) = 1;
  select($ready, undef, undef, $timeout);
  take() if vec($ready, fileno($link), 1);
  release();
}

sub take {
  defined recv($link, my $buffer, 65_536, 0) or die "netlink: $!\n";
  my $at = 0;
  while ($at + 16 <= length $buffer) {
    my ($length, $type) = unpack('L S', substr($buffer, $at, 6));
    last if $length < 16;
    if ($type == PACKET) {
      my $id = packet_id(substr($buffer, $at + 20, $length - 20));
      if (defined $id) {
        if (rand(100) < $loss) { verdict([$id, DROP]) } else { await($id) }
      }
    }
    $at += ($length + 3) & ~3;
  }
}

sub await {
  my ($id) = @_;
  my $wait = $delay + ($jitter > 0 ? rand(2 * $jitter) - $jitter : 0);
  my $due = now() + ($wait > 0 ? $wait : 0);
  my $place = @waiting;
  $place-- while $place > 0 && $waiting[$place - 1][0] > $due;
  splice @waiting, $place, 0, [$due, $id];
}

sub release {
  my $now = now();
  my @due;
  push @due, [(shift @waiting)->[1], ACCEPT] while @waiting && $waiting[0][0] <= $now;
  verdict(splice @due, 0, 256) while @due;
}

sub packet_id {
  my ($attributes) = @_;
  my $at = 0;
  while ($at + 4 <= length $attributes) {
    my ($length, $type) = unpack('S S', substr($attributes, $at, 4));
    return undef if $length < 4;
    return unpack('N', substr($attributes, $at + 4, 4)) if ($type & 0x3fff) == 1;
    $at += ($length + 3) & ~3;
  }
  return undef;
}

sub verdict {
  send_all(join '', map { message(VERDICT, 0, attribute(2, pack('N N', $_->[1], $_->[0]))) } @_);
}

# One setting, and the kernel's answer to it.
sub configure {
  send_all(message(CONFIG, NLM_F_ACK, @_));
  while (1) {
    defined recv($link, my $answer, 65_536, 0) or die "netlink: $!\n";
    my (undef, $type) = unpack('L S', $answer);
    next if $type != NLMSG_ERROR;
    my $error = unpack('l', substr($answer, 16, 4));
    $! = -$error, die "nfqueue $queue: $!\n" if $error != 0;
    return;
  }
}

sub message {
  my ($type, $flags, @attributes) = @_;
  my $body = pack('C C n', 0, 0, $queue) . join('', @attributes);
  return pack('L S S L L', 16 + length $body, $type, NLM_F_REQUEST | $flags, 0, 0) . $body;
}

sub attribute {
  my ($type, $value) = @_;
  my $padding = -length($value) & 3;
  return pack('S S', 4 + length $value, $type) . $value . ("\0" x $padding);
}

sub send_all {
  my ($bytes) = @_;
  defined send($link, $bytes, 0, pack('S S L L', AF_NETLINK, 0, 0, 0)) or die "netlink: $!\n";
}

# Milliseconds, monotonic.
sub now {
  my $time = pack('q q', 0, 0);
  syscall($call, CLOCK_MONOTONIC, $time) == 0 or die "clock: $!\n";
  my ($seconds, $nanoseconds) = unpack('q q', $time);
  return $seconds * 1000 + $nanoseconds / 1e6;
}
