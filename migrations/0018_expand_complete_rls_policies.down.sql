-- Takes the policies away and closes the tables to the API again; an adopted database's own stay dropped.

drop trigger projects_created_by on public.projects;
drop trigger projects_team on public.projects;
drop policy projects_select on public.projects;
drop policy projects_insert on public.projects;
drop policy projects_update on public.projects;
drop policy projects_delete on public.projects;
alter table public.projects no force row level security;
alter table public.projects disable row level security;
revoke all on public.projects from authenticated, service_role;

drop trigger molecules_created_by on public.molecules;
drop trigger molecules_team on public.molecules;
drop trigger molecules_project on public.molecules;
drop trigger molecules_project_id_visible on public.molecules;
drop policy molecules_select on public.molecules;
drop policy molecules_insert on public.molecules;
drop policy molecules_update on public.molecules;
drop policy molecules_delete on public.molecules;
alter table public.molecules no force row level security;
alter table public.molecules disable row level security;
revoke all on public.molecules from authenticated, service_role;

drop trigger mixtures_created_by on public.mixtures;
drop trigger mixtures_team on public.mixtures;
drop trigger mixtures_project on public.mixtures;
drop trigger mixtures_project_id_visible on public.mixtures;
drop policy mixtures_select on public.mixtures;
drop policy mixtures_insert on public.mixtures;
drop policy mixtures_update on public.mixtures;
drop policy mixtures_delete on public.mixtures;
alter table public.mixtures no force row level security;
alter table public.mixtures disable row level security;
revoke all on public.mixtures from authenticated, service_role;

drop trigger experiments_created_by on public.experiments;
drop trigger experiments_team on public.experiments;
drop trigger experiments_project on public.experiments;
drop trigger experiments_project_id_visible on public.experiments;
drop trigger experiments_mixture_id_visible on public.experiments;
drop trigger experiments_molecule_id_visible on public.experiments;
drop policy experiments_select on public.experiments;
drop policy experiments_insert on public.experiments;
drop policy experiments_update on public.experiments;
drop policy experiments_delete on public.experiments;
alter table public.experiments no force row level security;
alter table public.experiments disable row level security;
revoke all on public.experiments from authenticated, service_role;

drop trigger predictions_created_by on public.predictions;
drop trigger predictions_team on public.predictions;
drop policy predictions_select on public.predictions;
drop policy predictions_insert on public.predictions;
drop policy predictions_update on public.predictions;
drop policy predictions_delete on public.predictions;
alter table public.predictions no force row level security;
alter table public.predictions disable row level security;
revoke all on public.predictions from authenticated, service_role;

drop trigger mixture_components_created_by on public.mixture_components;
drop policy mixture_components_select on public.mixture_components;
drop policy mixture_components_insert on public.mixture_components;
drop policy mixture_components_update on public.mixture_components;
drop policy mixture_components_delete on public.mixture_components;
alter table public.mixture_components no force row level security;
alter table public.mixture_components disable row level security;
revoke all on public.mixture_components from authenticated, service_role;

drop trigger experiment_properties_created_by on public.experiment_properties;
drop policy experiment_properties_select on public.experiment_properties;
drop policy experiment_properties_insert on public.experiment_properties;
drop policy experiment_properties_update on public.experiment_properties;
drop policy experiment_properties_delete on public.experiment_properties;
alter table public.experiment_properties no force row level security;
alter table public.experiment_properties disable row level security;
revoke all on public.experiment_properties from authenticated, service_role;

drop trigger lab_verifications_created_by on public.lab_verifications;
drop policy lab_verifications_select on public.lab_verifications;
drop policy lab_verifications_insert on public.lab_verifications;
drop policy lab_verifications_update on public.lab_verifications;
drop policy lab_verifications_delete on public.lab_verifications;
alter table public.lab_verifications no force row level security;
alter table public.lab_verifications disable row level security;
revoke all on public.lab_verifications from authenticated, service_role;

drop trigger shared_content_created_by on public.shared_content;
drop policy shared_content_select on public.shared_content;
drop policy shared_content_insert on public.shared_content;
drop policy shared_content_update on public.shared_content;
drop policy shared_content_delete on public.shared_content;
alter table public.shared_content no force row level security;
alter table public.shared_content disable row level security;
revoke all on public.shared_content from authenticated, service_role;

drop trigger teams_created_by on public.teams;
drop trigger teams_owner on public.teams;
drop policy teams_select on public.teams;
drop policy teams_insert on public.teams;
drop policy teams_update on public.teams;
drop policy teams_delete on public.teams;
alter table public.teams no force row level security;
alter table public.teams disable row level security;
revoke all on public.teams from authenticated, service_role;

drop trigger user_team_membership_created_by on public.user_team_membership;
drop trigger user_team_membership_last_owner on public.user_team_membership;
drop policy user_team_membership_select on public.user_team_membership;
drop policy user_team_membership_insert on public.user_team_membership;
drop policy user_team_membership_update on public.user_team_membership;
drop policy user_team_membership_delete on public.user_team_membership;
alter table public.user_team_membership no force row level security;
alter table public.user_team_membership disable row level security;
revoke all on public.user_team_membership from authenticated, service_role;

drop policy user_profiles_select on public.user_profiles;
drop policy user_profiles_insert on public.user_profiles;
drop policy user_profiles_update on public.user_profiles;
drop policy user_profiles_delete on public.user_profiles;
alter table public.user_profiles no force row level security;
alter table public.user_profiles disable row level security;
revoke all on public.user_profiles from authenticated, service_role;

drop trigger training_jobs_created_by on public.training_jobs;
drop policy training_jobs_select on public.training_jobs;
drop policy training_jobs_insert on public.training_jobs;
drop policy training_jobs_update on public.training_jobs;
drop policy training_jobs_delete on public.training_jobs;
alter table public.training_jobs no force row level security;
alter table public.training_jobs disable row level security;
revoke all on public.training_jobs from authenticated, service_role;

drop policy team_roles_select on public.team_roles;
drop policy team_roles_insert on public.team_roles;
drop policy team_roles_update on public.team_roles;
drop policy team_roles_delete on public.team_roles;
alter table public.team_roles no force row level security;
alter table public.team_roles disable row level security;
revoke all on public.team_roles from authenticated, service_role;

drop policy model_versions_select on public.model_versions;
drop policy model_versions_insert on public.model_versions;
drop policy model_versions_update on public.model_versions;
drop policy model_versions_delete on public.model_versions;
alter table public.model_versions no force row level security;
alter table public.model_versions disable row level security;
revoke all on public.model_versions from authenticated, service_role;

drop policy audit_log_select on public.audit_log;
drop policy audit_log_insert on public.audit_log;
drop policy audit_log_update on public.audit_log;
drop policy audit_log_delete on public.audit_log;
alter table public.audit_log no force row level security;
alter table public.audit_log disable row level security;
revoke all on public.audit_log from authenticated, service_role;

drop policy health_reports_select on public.health_reports;
drop policy health_reports_insert on public.health_reports;
drop policy health_reports_update on public.health_reports;
drop policy health_reports_delete on public.health_reports;
alter table public.health_reports no force row level security;
alter table public.health_reports disable row level security;
revoke all on public.health_reports from authenticated, service_role;

drop policy backup_catalogue_select on public.backup_catalogue;
drop policy backup_catalogue_insert on public.backup_catalogue;
drop policy backup_catalogue_update on public.backup_catalogue;
drop policy backup_catalogue_delete on public.backup_catalogue;
alter table public.backup_catalogue no force row level security;
alter table public.backup_catalogue disable row level security;
revoke all on public.backup_catalogue from authenticated, service_role;

drop policy release_history_select on public.release_history;
drop policy release_history_insert on public.release_history;
drop policy release_history_update on public.release_history;
drop policy release_history_delete on public.release_history;
alter table public.release_history no force row level security;
alter table public.release_history disable row level security;
revoke all on public.release_history from authenticated, service_role;

drop policy feature_flags_select on public.feature_flags;
drop policy feature_flags_insert on public.feature_flags;
drop policy feature_flags_update on public.feature_flags;
drop policy feature_flags_delete on public.feature_flags;
alter table public.feature_flags no force row level security;
alter table public.feature_flags disable row level security;
revoke all on public.feature_flags from authenticated, service_role;

drop policy feature_flag_overrides_select on public.feature_flag_overrides;
drop policy feature_flag_overrides_insert on public.feature_flag_overrides;
drop policy feature_flag_overrides_update on public.feature_flag_overrides;
drop policy feature_flag_overrides_delete on public.feature_flag_overrides;
alter table public.feature_flag_overrides no force row level security;
alter table public.feature_flag_overrides disable row level security;
revoke all on public.feature_flag_overrides from authenticated, service_role;

revoke usage on schema private from authenticated;
grant execute on function private.touch_updated_at() to public;
drop function private.my_teams(text), private.my_shared(text, text), private.my_shared_projects(),
    private.my_controlled_shares(), private.my_grants(), private.my_teammates(),
    private.share_holds(uuid, uuid, uuid), private.role_rank(text), private.keep_created_by(), private.keep_place(),
    private.keep_reference_visible(), private.own_new_team(), private.keep_last_owner();
