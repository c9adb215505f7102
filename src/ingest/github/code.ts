import type { ChangeReason } from '../../events/event.ts';
import type { Alert, FileChange, Severity } from '../../events/states.ts';
import type { AnyChange } from '../../publishing/change.ts';
import { asOf, type Home, type Ignored, type Normaliser, type Report } from './delivery.ts';
import type { Payload } from './payload.ts';

type Files = FileChange['files'];

/** Most files that one event takes; a push of more becomes several events. */
const FILES_MAX = 3_000;
/** Longest path that an event takes, and that Linux does. */
const PATH_MAX = 4_096;

/**
 * What the commits of a push, oldest first, did to each path together. A file that was added and removed again was
 * never there for anybody who looks at the branch before and after.
 */
function netEffect(commits: readonly Payload[]): Files {
  const effects = new Map<string, { wasThere: boolean; isThere: boolean }>();
  const note = (path: string, wasThere: boolean, isThere: boolean): void => {
    const known = effects.get(path);
    effects.set(path, { wasThere: known?.wasThere ?? wasThere, isThere });
  };
  for (const commit of commits) {
    for (const path of commit.strings('removed')) note(path, true, false);
    for (const path of commit.strings('added')) note(path, false, true);
    for (const path of commit.strings('modified')) note(path, true, true);
  }
  const files: Files = [];
  for (const [path, { wasThere, isThere }] of effects) {
    if (path === '' || path.length > PATH_MAX || (!wasThere && !isThere)) continue;
    files.push({
      path,
      changeType: !wasThere ? 'CREATED' : isThere ? 'MODIFIED' : 'DELETED',
      previousPath: null,
    });
  }
  return files;
}

export const push: Normaliser = (payload, repository) => {
  const ref = payload.needName('ref');
  const shown = ref.slice(0, 100);
  if (ref.startsWith('refs/tags/')) return { ignored: `push to ${shown}: a tag has no files of its own` };
  if (payload.flag('deleted') === true) return { ignored: `push to ${shown}: the branch was deleted` };
  const files = netEffect(payload.list('commits') ?? []);
  if (files.length === 0) return { ignored: `push to ${shown}: no file was changed` };

  const changes = (home: Home): AnyChange[] => {
    const parts: AnyChange[] = [];
    for (let start = 0; start < files.length; start += FILES_MAX) {
      parts.push({
        subject: 'fileChange',
        kind: 'file.changed',
        reason: 'COMMITS',
        patch: {
          projectId: home.projectId,
          repoId: home.repoId,
          ref,
          headSha: payload.name('after') ?? null,
          files: files.slice(start, start + FILES_MAX),
        },
      });
    }
    return parts;
  };
  // When it was pushed, which only pushes tell exactly; commits may be as old as they like.
  const pushedAt = payload.object('repository')?.time('pushed_at');
  return { occurredAt: pushedAt ?? repository.updatedAt, changes };
};

const severities: Readonly<Record<string, Severity>> = {
  none: 'INFO',
  note: 'LOW',
  low: 'LOW',
  warning: 'MEDIUM',
  medium: 'MEDIUM',
  moderate: 'MEDIUM',
  error: 'HIGH',
  high: 'HIGH',
  critical: 'CRITICAL',
};
const severityOf = (word: string | null | undefined): Severity | undefined =>
  typeof word === 'string' && Object.hasOwn(severities, word) ? severities[word] : undefined;

const statuses: Readonly<Record<string, Alert['status']>> = {
  open: 'OPEN',
  fixed: 'RESOLVED',
  resolved: 'RESOLVED',
  closed: 'RESOLVED',
  dismissed: 'DISMISSED',
  auto_dismissed: 'DISMISSED',
  // Actions, for payloads in which the alert has no state.
  create: 'OPEN',
  created: 'OPEN',
  reopened: 'OPEN',
  reopened_by_user: 'OPEN',
  resolve: 'RESOLVED',
  dismiss: 'DISMISSED',
  closed_by_user: 'DISMISSED',
};
const statusOf = (...words: readonly (string | null | undefined)[]): Alert['status'] | undefined => {
  const word = words.find((each) => typeof each === 'string' && Object.hasOwn(statuses, each));
  return typeof word === 'string' ? statuses[word] : undefined;
};

const alertReasons: Readonly<Record<string, ChangeReason>> = {
  create: 'OPENED',
  created: 'OPENED',
  appeared_in_branch: 'REPORTED',
  assignees_changed: 'ASSIGNEES',
  assigned: 'ASSIGNEES',
  unassigned: 'ASSIGNEES',
  validated: 'REPORTED',
  publicly_leaked: 'REPORTED',
};

interface Finding {
  /** Kind of alert and number, unique in the repository. */
  readonly key: string;
  readonly rule: string;
  readonly message: string;
  readonly severity: Severity | undefined;
  readonly value?: number | undefined;
  readonly status: Alert['status'] | undefined;
  readonly metadata: Readonly<Record<string, string | boolean | null | undefined>>;
}

function alertReport(payload: Payload, githubId: string, finding: Finding): Report | Ignored {
  const action = payload.name('action') ?? '';
  const alert = payload.need('alert');
  const { key, rule, message, severity, value, status, metadata } = finding;
  if (status === undefined)
    return { ignored: `${key.split('/')[0]} alert: its state is not known to Tidings` };
  const isNew = action === 'created' || action === 'create';
  // Older payloads have no `updated_at`: then only what just happened has a time.
  const ended = status === 'OPEN' ? [] : ['fixed_at', 'resolved_at', 'dismissed_at', 'auto_dismissed_at'];
  const time = alert.firstTime(...(isNew ? ['created_at'] : []), 'updated_at', ...ended);
  const told = Object.entries(metadata).filter(([, fact]) => fact !== undefined && fact !== null);
  return {
    occurredAt: time,
    changes: (home) => [
      {
        subject: 'alert',
        kind: 'alert.triggered',
        reason: (Object.hasOwn(alertReasons, action) ? alertReasons[action] : undefined) ?? 'STATE',
        patch: {
          id: `github:${githubId}/${key}`,
          projectId: home.projectId,
          rule,
          message,
          severity,
          value,
          status,
          url: alert.name('html_url'),
          metadata: {
            repoId: home.repoId,
            ...(Object.fromEntries(told) as Record<string, string | boolean>),
          },
        },
        ...asOf('state', time, status === 'OPEN' ? 'first' : 'early'),
      },
    ],
  };
}

export const dependabotAlert: Normaliser = (payload, { githubId }) => {
  const alert = payload.need('alert');
  const advisory = alert.object('security_advisory');
  const vulnerability = alert.object('security_vulnerability');
  const dependency = alert.object('dependency');
  const rule = advisory?.name('ghsa_id') ?? 'dependabot';
  const score = advisory?.object('cvss')?.number('score');
  return alertReport(payload, githubId, {
    key: `dependabot/${alert.needOrdinal('number')}`,
    rule,
    message: advisory?.name('summary') ?? rule,
    severity: severityOf(vulnerability?.name('severity')) ?? severityOf(advisory?.name('severity')),
    // 0 is GitHub's word for "not scored".
    value: score === 0 ? undefined : score,
    status: statusOf(alert.name('state'), payload.name('action')),
    metadata: {
      package: dependency?.object('package')?.name('name'),
      ecosystem: dependency?.object('package')?.name('ecosystem'),
      manifestPath: dependency?.name('manifest_path'),
      cveId: advisory?.name('cve_id'),
      vulnerableVersions: vulnerability?.name('vulnerable_version_range'),
      fixedIn: vulnerability?.object('first_patched_version')?.name('identifier'),
      dismissedReason: alert.name('dismissed_reason'),
    },
  });
};

/** What Dependabot alerts were called before; a repository's hooks may tell the same alert under both names. */
export const repositoryVulnerabilityAlert: Normaliser = (payload, { githubId }) => {
  const alert = payload.need('alert');
  const number = alert.ordinal('number');
  const rule = alert.name('ghsa_id') ?? alert.name('external_identifier') ?? 'vulnerability';
  const named = alert.name('affected_package_name');
  const range = alert.name('affected_range');
  const message = [named, range].filter((part) => typeof part === 'string').join(' ');
  return alertReport(payload, githubId, {
    key: number === undefined ? `vulnerability/${alert.needId('id')}` : `dependabot/${number}`,
    rule,
    message: message === '' ? rule : message,
    severity: severityOf(alert.name('severity')),
    status: statusOf(alert.name('state'), payload.name('action')),
    metadata: {
      package: named,
      cveId: alert.name('external_identifier'),
      vulnerableVersions: range,
      fixedIn: alert.name('fixed_in'),
      dismissedReason: alert.name('dismiss_reason'),
    },
  });
};

export const codeScanningAlert: Normaliser = (payload, { githubId }) => {
  const alert = payload.need('alert');
  const rule = alert.object('rule');
  const instance = alert.object('most_recent_instance');
  const ruleId = rule?.name('id') ?? 'code-scanning';
  return alertReport(payload, githubId, {
    key: `code-scanning/${alert.needOrdinal('number')}`,
    rule: ruleId,
    message: rule?.name('description') ?? rule?.name('name') ?? ruleId,
    // The security level is the finer word, and only security rules have it.
    severity: severityOf(rule?.name('security_severity_level')) ?? severityOf(rule?.name('severity')),
    status: statusOf(alert.name('state'), payload.name('action')),
    metadata: {
      tool: alert.object('tool')?.name('name'),
      ref: payload.name('ref'),
      commit: payload.name('commit_oid'),
      path: instance?.object('location')?.name('path'),
      dismissedReason: alert.name('dismissed_reason'),
    },
  });
};

/** Closing with one of these says that there is nothing to be done, as dismissing does for other alerts. */
const needNothing = new Set<unknown>(['false_positive', 'wont_fix', 'used_in_tests']);

/** The alert's `secret` is never read: what leaked here must not leak again through us. */
export const secretScanningAlert: Normaliser = (payload, { githubId }) => {
  const alert = payload.need('alert');
  const rule = alert.name('secret_type') ?? 'secret';
  const isActive = alert.name('validity') === 'active';
  const isPublic = alert.flag('publicly_leaked');
  const status = statusOf(alert.name('state'), payload.name('action'));
  return alertReport(payload, githubId, {
    key: `secret-scanning/${alert.needOrdinal('number')}`,
    rule,
    message: `A secret was found: ${alert.name('secret_type_display_name') ?? rule}`,
    severity: isActive || isPublic === true ? 'CRITICAL' : 'HIGH',
    status: status === 'RESOLVED' && needNothing.has(alert.name('resolution')) ? 'DISMISSED' : status,
    metadata: {
      validity: alert.name('validity'),
      publiclyLeaked: isPublic,
      resolution: alert.name('resolution'),
    },
  });
};
